-- Instants are epoch milliseconds. Names and ids compare by their bytes, in every database: collate "C".

create table products (
  sku text collate "C" primary key,
  name text not null,
  description text,
  price_amount bigint,
  price_currency text,
  max_per_user bigint check (max_per_user > 0),
  -- the first reservation that has held_lines because of max_per_user
  counted_from bigint not null default 0,
  reservation_ttl_seconds bigint check (reservation_ttl_seconds > 0),
  sale_starts_at bigint,
  sale_ends_at bigint,
  created_at bigint not null,
  updated_at bigint not null,
  check ((price_amount is null) = (price_currency is null))
);

-- The hot rows, apart from everything that does not change with a sale: narrow, and with room on each page, so that an update stays on its page and touches no index (HOT).
-- Whoever changes anything of a sku holds the lock of its row here. product_version: +1 when the product changed, so that what a node remembers of it is not stale.
-- The checks are the last guard: a bug must fail, not oversell.
create table stock (
  sku text collate "C" primary key references products (sku),
  total bigint not null check (total >= 0),
  reserved bigint not null check (reserved >= 0),
  sold bigint not null check (sold >= 0),
  version bigint not null check (version >= 1),
  product_version bigint not null default 1,
  check (reserved + sold <= total)
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- seq is the order of decision, as far as one sku goes. items: [{sku, quantity, unitPrice}]. No column that changes is in an index, so that an end is a HOT update.
create sequence reservation_seq;
create table reservations (
  seq bigint primary key,
  id text collate "C" not null unique,
  user_id text collate "C" not null,
  status text not null check (status in ('active', 'confirmed', 'cancelled', 'expired')),
  items json not null,
  metadata json not null,
  created_at bigint not null,
  expires_at bigint not null,
  ended_at bigint,
  order_id text collate "C",
  check ((status = 'active') = (ended_at is null)),
  check ((status = 'confirmed') = (order_id is not null))
) with (fillfactor = 85);

-- Rows come in blocks of 8,192 by seq, and an index by user or sku begins with the block: see docs/decisions/0006-blocks.md.
create index reservations_by_user on reservations ((seq >> 13), user_id, seq);

-- The lines of active reservations: what comes back, of which sku and when.
create table open_lines (
  block bigint not null,
  sku text collate "C" not null,
  due_at bigint not null,
  reservation_seq bigint not null,
  quantity bigint not null check (quantity > 0),
  primary key (block, sku, due_at, reservation_seq),
  check (block = reservation_seq >> 13)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index open_lines_due on open_lines (due_at, reservation_seq);

-- What counts against the limit of a sku that has one: lines of active reservations until due_at, and lines of orders, whose due_at is null.
create table held_lines (
  sku text collate "C" not null,
  user_id text collate "C" not null,
  reservation_seq bigint not null,
  quantity bigint not null check (quantity > 0),
  due_at bigint,
  primary key (sku, user_id, reservation_seq)
);

create table orders (
  seq bigint generated always as identity primary key,
  id text collate "C" not null unique,
  reservation_id text collate "C" not null unique,
  user_id text collate "C" not null,
  status text not null check (status in ('placed', 'cancelled')),
  metadata json not null,
  created_at bigint not null,
  cancelled_at bigint,
  check ((status = 'cancelled') = (cancelled_at is not null))
);
create index orders_by_user on orders ((seq >> 13), user_id, seq);

-- detail: what the transition changed and what cannot be told from the rows: stock: [[sku, version, total, reserved, sold]] after it, expiresAt: that of the reservation,
-- reason: the operator's, data: the product or the stock.
create table events (
  seq bigint primary key,
  type text not null,
  time bigint not null,
  subject text collate "C" not null,
  detail json not null
);

-- The number of the last event. Taken last in a transaction and held until it ends, so that events become visible in the order of their numbers: a reader that is past a
-- number has missed none below it (E5).
create table feed (
  one boolean primary key default true check (one),
  last bigint not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
insert into feed (last) values (0);

create table answers (
  scope text collate "C" not null,
  key text collate "C" not null,
  fingerprint text not null,
  created_at bigint not null,
  created smallint not null,
  value text not null,
  primary key (scope, key)
);

-- The clock of the store: the moment it is asked, also in a transaction that waited.
create function now_ms() returns bigint language sql volatile parallel safe
  as $$ select floor(extract(epoch from clock_timestamp()) * 1000)::bigint $$;
