-- What comes back is kept by sku, due time and chunk (512 reservations by seq), as the sum of its units, instead of line by line: reservations of one batch with the same
-- time to live fall due together. The reservations themselves are found by their chunk and due time.
create table open_units (
  block bigint not null,
  sku text collate "C" not null,
  due_at bigint not null,
  chunk bigint not null,
  units bigint not null check (units >= 0),
  primary key (block, sku, due_at, chunk),
  check (block = chunk >> 4)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

insert into open_units select block, sku, due_at, reservation_seq >> 9, sum(quantity) from open_lines group by 1, 2, 3, 4;
drop table open_lines;
alter table open_units rename to open_lines;
alter index open_units_pkey rename to open_lines_pkey;
create index open_lines_due on open_lines (due_at, chunk);

-- Events of one batch share rows. seq: the number of the last of them. list: [[type, subject, detail]].
create table events_in_lists (
  seq bigint primary key,
  time bigint not null,
  list json not null
);

insert into events_in_lists select seq, time, json_build_array(json_build_array(type, subject, detail)) from events;
drop table events;
alter table events_in_lists rename to events;
alter index events_in_lists_pkey rename to events_pkey;
