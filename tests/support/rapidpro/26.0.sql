-- RapidPro 26.0 is 26.2 with the columns of 10.2 still beside the new ones: load after 26.2.

ALTER TABLE msgs_msg ADD COLUMN ticket_id integer;

ALTER TABLE msgs_msg ADD COLUMN quick_replies character varying(64)[];
