"""Tests of whole processes: real PostgreSQL, real Valkey or Redis, real browser."""
