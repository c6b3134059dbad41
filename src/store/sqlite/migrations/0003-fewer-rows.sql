-- What comes back is kept by sku, due time and chunk (512 reservations by seq), as the sum of its units, instead of line by line: reservations of one batch with the same
-- time to live fall due together. The reservations themselves are found by their chunk and due time.
create table open_units (
  block integer not null,
  sku text not null,
  due_at integer not null,
  chunk integer not null,
  units integer not null check (units >= 0),
  primary key (block, sku, due_at, chunk),
  check (block = chunk >> 4)
) strict, without rowid;

insert into open_units select block, sku, due_at, reservation_seq >> 9, sum(quantity) from open_lines group by 1, 2, 3, 4;
drop table open_lines;
alter table open_units rename to open_lines;
create index open_lines_due on open_lines (due_at, chunk);
drop index reservations_due;

-- The users of a commit fall on all pages of the newest block of these indexes, and each of the pages is written: so their blocks are smaller, 1,024 rows.
drop index reservations_by_user;
create index reservations_by_user on reservations (seq >> 10, user_id);
drop index orders_by_user;
create index orders_by_user on orders (seq >> 10, user_id);

-- Events of one batch share rows. seq: the number of the last of them. list: [[type, subject, detail]].
create table events_in_lists (
  seq integer primary key,
  time integer not null,
  list text not null
) strict;

insert into events_in_lists select seq, time, json_array(json_array(type, subject, json(detail))) from events;
drop table events;
alter table events_in_lists rename to events;
