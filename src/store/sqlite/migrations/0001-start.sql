create table products (
  sku text primary key not null,
  name text not null,
  description text,
  price_amount integer,
  price_currency text,
  max_per_user integer check (max_per_user > 0),
  -- the first reservation whose lines name their holder because of max_per_user
  counted_from integer not null default 0,
  reservation_ttl_seconds integer check (reservation_ttl_seconds > 0),
  sale_starts_at integer,
  sale_ends_at integer,
  created_at integer not null,
  updated_at integer not null,
  check ((price_amount is null) = (price_currency is null))
) strict, without rowid;

-- The hot rows, apart from everything that does not change with a sale. The checks are the last guard: a bug must fail, not oversell.
create table stock (
  sku text primary key not null references products (sku),
  total integer not null check (total >= 0),
  reserved integer not null check (reserved >= 0),
  sold integer not null check (sold >= 0),
  version integer not null check (version >= 1),
  check (reserved + sold <= total)
) strict, without rowid;

-- seq is the order of decision. items: [{sku, quantity, unitPrice}].
create table reservations (
  seq integer primary key,
  id text not null unique,
  user_id text not null,
  status text not null check (status in ('active', 'confirmed', 'cancelled', 'expired')),
  items text not null,
  metadata text not null,
  created_at integer not null,
  expires_at integer not null,
  ended_at integer,
  order_id text,
  check ((status = 'active') = (ended_at is null)),
  check ((status = 'confirmed') = (order_id is not null))
) strict;

create index reservations_by_user on reservations (user_id);
create index reservations_due on reservations (expires_at) where status = 'active';

-- due_at: when the units come back; null once the reservation has ended. holder: the user whose limit these units count against, while they do.
create table reservation_lines (
  sku text not null,
  reservation_seq integer not null,
  quantity integer not null check (quantity > 0),
  due_at integer,
  holder text,
  primary key (reservation_seq, sku)
) strict, without rowid;

create index reservation_lines_due on reservation_lines (sku, due_at, quantity) where due_at is not null;
create index reservation_lines_held on reservation_lines (sku, holder, due_at, quantity) where holder is not null;

create table orders (
  seq integer primary key,
  id text not null unique,
  reservation_id text not null unique,
  user_id text not null,
  status text not null check (status in ('placed', 'cancelled')),
  metadata text not null,
  created_at integer not null,
  cancelled_at integer,
  check ((status = 'cancelled') = (cancelled_at is not null))
) strict;

create index orders_by_user on orders (user_id);

-- data is null where it can be told from the rows that never change: what a reservation or an order was right after its transition.
-- expires_at: what that of the reservation was then. stock: [[sku, version, total, reserved, sold]] after the transition.
create table events (
  seq integer primary key,
  type text not null,
  time integer not null,
  subject text not null,
  expires_at integer,
  stock text,
  data text,
  reason text
) strict;

create table answers (
  scope text not null,
  key text not null,
  fingerprint text not null,
  created_at integer not null,
  created integer not null,
  value text not null,
  primary key (scope, key)
) strict, without rowid;
