"""The guide's table from symptom to cause, and the tests that show each cause to lead there."""

from __future__ import annotations

import ast
import re

from .test_operating_guide import ROOT, rows, section

TESTS = {
    "new chats are `unavailable`, others go on": [
        "test_a_courier_that_refuses_connections_has_a_line_with_the_channel_and_the_reason",
        "test_a_chat_that_courier_made_and_nobody_can_read_has_a_line",
        "test_while_courier_is_away_messages_are_kept_and_delivery_goes_on",
        "test_new_chats_are_unavailable_at_once_while_the_circuit_is_open",
        "test_tls_where_courier_has_none_is_told_in_words",
    ],
    "Courier's messages are refused": [
        "test_each_channel_whose_secret_is_wrong_is_named",
        "test_a_channel_without_a_secret_is_named",
        "test_each_trouble_has_its_status",
        "test_a_right_secret_is_never_limited",
    ],
    "Courier refuses": [
        "test_nothing_is_rejected_while_the_channel_is_off",
        "test_nothing_is_rejected_while_the_channel_is_refused_for_hours",
        "test_the_operator_is_told_which_channel_it_is_once_a_minute",
    ],
    "visitors' messages do not arrive": [
        "test_courier_away",
        "test_the_circuit_tells_once_that_it_opens_and_once_that_it_closes",
        "test_courier_is_in_trouble_for_a_while",
        "test_what_waits_for_courier_is_found_by_what_the_log_calls_the_chat",
        "test_any_other_server_in_couriers_place_is_found_out",
    ],
    "something is missing": [
        "test_messages_that_somebody_else_took_out_are_missing",
        "test_events_that_were_evicted_are_missing_once_their_chat_is_looked_at",
    ],
    "the log says that messages were put back": [
        "test_a_line_and_a_metric_tell_how_many_were_put_back",
    ],
    "everything is unavailable": [
        "test_a_part_in_trouble_is_named_and_the_process_still_lives",
        "test_while_valkey_is_away_sockets_stay_and_everybody_is_told_to_try_again",
        "test_while_postgresql_is_away_live_chats_go_on",
        "test_an_instance_cut_off_from_valkey_says_so_and_comes_back",
    ],
    "not starting: the database is damaged, missing, empty, or lacks commits": [
        "test_a_damaged_database_ends_a_start_with_one_line",
        "test_a_database_that_is_gone_is_not_made_anew",
        "test_a_write_ahead_log_that_is_lost_or_damaged_is_noticed",
    ],
    "not starting": [
        "test_what_cannot_start_ends_with_one_line_and_a_status",
        "test_a_mistake_ends_twistd_with_one_line_and_a_status",
    ],
    "an old client cannot connect by TLS (`handshake failure`)": [
        "test_modern_cipher_suites_are_taken_and_old_ones_refused",
        "test_other_cipher_suites_are_a_setting",
    ],
    "the page shows no chat": [
        "test_visitors_who_are_turned_away_have_a_line_for_each_reason",
        "test_only_allowed_websites_may_connect",
        "test_a_plain_get_tells_why_the_handshake_was_refused",
        "test_without_an_active_channel_nobody_can_chat",
    ],
    "visitors are refused": [
        "test_the_process_may_have_so_many_open",
        "test_an_address_may_have_200_open",
        "test_an_address_may_open_100_at_once_and_20_a_second",
        "test_caps_count_by_whom_a_trusted_proxy_names",
    ],
    "somebody keeps connections busy": [
        "test_a_stranger_who_takes_all_places_keeps_nobody_out",
        "test_of_the_unfinished_requests_of_an_address_the_newest_50_stay",
    ],
    "no file descriptors are left": [
        "test_who_is_turned_away_for_want_of_a_descriptor_is_counted_and_logged",
        "test_more_sockets_than_descriptors_are_warned_of",
    ],
    "no chat for visitors with many cookies": [
        "test_visitors_with_30_kib_of_cookies_come_through_the_proxy",
    ],
    "a program gets 400 `bad request: …`, and `bad_request` in `chip_cuts_total` rises": [
        "test_what_is_no_http_is_answered_at_once",
        "test_a_request_without_a_good_head_is_counted_and_logged_once_a_minute",
    ],
    "Prometheus gets 403": [
        "test_what_it_knows_is_told_to_nobody_who_asks_by_a_name_of_the_web",
    ],
    "somebody guesses the desk's token": [
        "test_an_address_has_ten_wrong_attempts_a_minute_and_a_right_one_always_gets_in",
    ],
    "visitors drop every minute": [
        "test_a_peer_is_asked_every_30_seconds_and_kept_while_it_answers"
    ],
    "messages are slow": [
        "test_a_late_reactor_is_noticed",
        "test_an_adapters_questions_are_timed_under_their_names",
    ],
    "messages marked failed after two weeks": [
        "test_messages_that_waited_too_long_are_reported_as_failed"
    ],
    "internal errors": ["test_an_unexpected_failure_is_500_and_is_logged_and_counted"],
    "the log says `the database cannot be read` (or `written`)": [
        "test_bytes_flipped_anywhere_are_served_around_or_said_in_one_line",
        "test_what_is_wrong_is_said_with_what_to_do",
    ],
    "the disk is full": [
        "test_a_full_disk_refuses_writes_serves_reads_and_is_over_when_there_is_room",
        "test_a_valkey_that_is_full_loses_nothing_and_says_so",
        "test_a_chip_whose_valkey_stores_nothing_is_not_ready",
    ],
}
OUTSIDE = {
    "Courier's messages never arrive, and Chip logs nothing": "Courier's own setting",
    "a visitor's chat is new on each page": "his browser's, or the website's",
}
"""What is not in Chip's hands, so that no test of Chip's can show it."""


def defined() -> set[str]:
    """The names of all tests."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("*.py")
        if "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_each_symptom_in_the_guide_has_its_tests_or_is_not_chips():
    symptoms = [row.split("|")[1].strip() for row in rows(section("What to do when"))]
    assert sorted(symptoms) == sorted([*TESTS, *OUTSIDE])


def test_those_tests_exist():
    known = defined()
    missing = {name for names in TESTS.values() for name in names if name not in known}
    assert missing == set()


NOT_AS_SUCH = {
    *("connections were cut", "connections were cut: no file descriptors are left", "bad request"),
    *("disk I/O error", "unable to open", "handshake failure"),
}
"""What the log says in words that are put together then, or are SQLite's or OpenSSL's."""


def test_what_the_log_is_said_to_say_is_what_chip_logs():
    source = " ".join(
        re.sub(r'"\s+f?"', "", path.read_text()) for path in (ROOT / "chip").rglob("*.py")
    )
    quoted = {
        words
        for row in rows(section("What to do when"))
        for words in re.findall(r"`([^`]+)`", "|".join(row.split("|")[1:3]))
        if " " in words and "…" not in words.rstrip("…")
    }
    said = {words.rstrip("…").rstrip(": ") for words in quoted}
    assert {words for words in said if words not in source} <= NOT_AS_SUCH
