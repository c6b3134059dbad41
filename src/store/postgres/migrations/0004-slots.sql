-- What a reservation occupies while it is active: [name], null for nothing; and the same by name, as long as it has not ended.
alter table reservations add column slots json;

create table slots (
  name text collate "C" not null,
  reservation_seq bigint not null,
  primary key (name, reservation_seq)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
