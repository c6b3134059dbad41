-- A reservation may be lost: it was in the memory of another store, and that is gone.
create table reservations_with_lost (
  seq integer primary key,
  id text not null unique,
  user_id text not null,
  status text not null check (status in ('active', 'confirmed', 'cancelled', 'expired', 'lost')),
  items text not null,
  metadata text not null,
  created_at integer not null,
  expires_at integer not null,
  ended_at integer,
  order_id text,
  check ((status = 'active') = (ended_at is null)),
  check ((status = 'confirmed') = (order_id is not null))
) strict;

insert into reservations_with_lost
  select seq, id, user_id, status, items, metadata, created_at, expires_at, ended_at, order_id from reservations order by seq;
drop table reservations;
alter table reservations_with_lost rename to reservations;
create index reservations_by_user on reservations (seq >> 10, user_id);

-- At most one row, which is there once this has been opened as the ledger of a store in memory: see src/store/ledger.ts.
create table ledger (
  one integer primary key not null default 1 check (one = 1),
  id text not null,
  generation integer not null check (generation >= 0),
  position integer not null check (position >= 0)
) strict, without rowid;
