-- How far the removal of what is over has come. At most one row, which whoever removes something locks. events_seq: the number of the last event that was removed, events_time: the latest time of all
-- that were; reservations_time: of all ends of reservations that were removed; answers_scope, answers_key: how far the walk through the answers has come, null when it is over; answers_walk_at: when it began.
create table retention (
  one boolean primary key default true check (one),
  events_seq bigint not null default 0,
  events_time bigint not null default 0,
  reservations_time bigint not null default 0,
  answers_scope text collate "C",
  answers_key text collate "C",
  answers_walk_at bigint not null default 0,
  check ((answers_scope is null) = (answers_key is null))
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Reservations that have ended and of which no event tells any more. seq and time: of the row of events that told of their ends; list: [seq of the reservation].
create table ended_reservations (
  seq bigint primary key,
  time bigint not null,
  list json not null
);
