-- What the service keeps that belongs to no shop: how far the consumers of the feed have come, webhooks.
create table notes (
  name text primary key,
  version text not null,
  value text not null
) strict, without rowid;
