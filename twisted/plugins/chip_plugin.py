"""Makes ``twistd chip`` known to Twisted. Every twistd on the machine imports this."""

from twisted.application.service import ServiceMaker

chip = ServiceMaker("Chip", "chip.tap", "A webchat server.", "chip")
