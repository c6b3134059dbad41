-- Requests of clients in their windows, counted against the limits of the service. Not facts: unlogged, so that counting writes no log and waits for no disk; empty after a crash.
create unlogged table requests (
  client text collate "C" primary key,
  requests bigint not null,
  ends_at bigint not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);
create index requests_by_end on requests (ends_at);
