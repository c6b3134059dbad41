-- How far the removal of what is over has come. At most one row. events_seq: the number of the last event that was removed, events_time: the latest time of all that were; reservations_time: of all ends
-- of reservations that were removed; answers_scope, answers_key: how far the walk through the answers has come, null when it is over; answers_walk_at: when it began.
create table retention (
  one integer primary key not null default 1 check (one = 1),
  events_seq integer not null default 0,
  events_time integer not null default 0,
  reservations_time integer not null default 0,
  answers_scope text,
  answers_key text,
  answers_walk_at integer not null default 0,
  check ((answers_scope is null) = (answers_key is null))
) strict, without rowid;

-- Reservations that have ended and of which no event tells any more. seq and time: of the row of events that told of their ends; list: [seq of the reservation].
create table ended_reservations (
  seq integer primary key,
  time integer not null,
  list text not null
) strict;
