-- What the service keeps that belongs to no shop: how far the consumers of the feed have come, webhooks. A few rows that change often.
create table notes (
  name text collate "C" primary key,
  version text not null,
  value text not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);
