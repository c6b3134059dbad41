-- A reservation may be lost: it was in the memory of another store, and that is gone.
alter table reservations drop constraint reservations_status_check,
  add constraint reservations_status_check check (status in ('active', 'confirmed', 'cancelled', 'expired', 'lost'));

-- At most one row, which is there once this has been opened as the ledger of a store in memory: see src/store/ledger.ts. Updated by every batch of the journal, so it has
-- the settings of feed.
create table ledger (
  one boolean primary key default true check (one),
  id text not null,
  generation bigint not null check (generation >= 0),
  position bigint not null check (position >= 0)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
