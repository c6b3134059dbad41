-- What a reservation occupies while it is active: [name], null for nothing; and the same by name, as long as it has not ended.
alter table reservations add column slots text;

create table slots (
  name text not null,
  reservation_seq integer not null,
  primary key (name, reservation_seq)
) strict, without rowid;
