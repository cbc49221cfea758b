"""The JSON that Chip exchanges with visitors' browsers and with Courier, decoded and encoded.

Pure functions: nothing here knows a socket, a database or a clock.

    visitor → Chip     start_chat, send_msg, ack_chat, get_history,
                       set_email, ping                                     commands.py
    Chip → visitor     chat_started, chat_resumed, chat_out, history,
                       error, msg_accepted, msg_echo, resync, pong         events.py
    Courier → Chip     send                                                courier_send.py
    Chip → Courier     chat_started, msg_in, msg_status                    courier_receive.py
"""
