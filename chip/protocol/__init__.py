"""Chip's wires as pure data: what visitors, browsers and Courier say, decoded and encoded.

Nothing here knows a socket, a database or a clock.

    visitor → Chip     start_chat, send_msg, ack_chat, get_history, set_email, ping    commands.py
    Chip → visitor     chat_started, chat_resumed, chat_out, history, error,
                       msg_accepted, msg_echo, resync, pong                            events.py
    Courier → Chip     send                                                            courier.py
    Chip → Courier     chat_started, msg_in, msg_status                                courier.py
"""
