-- Reservations come in blocks of 8,192 by seq. Where rows are looked up by something that has nothing to do with time, a user or a sku, the block stands first in
-- the index. So the rows of a commit fall on the few pages of the newest block instead of on pages all over the index, and each page is written for many of them.

drop index reservations_by_user;
create index reservations_by_user on reservations (seq >> 13, user_id);
drop index orders_by_user;
create index orders_by_user on orders (seq >> 13, user_id);

-- The lines of active reservations: what comes back, of which sku and when.
create table open_lines (
  block integer not null,
  sku text not null,
  due_at integer not null,
  reservation_seq integer not null,
  quantity integer not null check (quantity > 0),
  primary key (block, sku, due_at, reservation_seq),
  check (block = reservation_seq >> 13)
) strict, without rowid;

-- What counts against the limit of a sku that has one: lines of active reservations until due_at, and lines of orders, whose due_at is null.
create table held_lines (
  sku text not null,
  user_id text not null,
  reservation_seq integer not null,
  quantity integer not null check (quantity > 0),
  due_at integer,
  primary key (sku, user_id, reservation_seq)
) strict, without rowid;

insert into open_lines select reservation_seq >> 13, sku, due_at, reservation_seq, quantity from reservation_lines where due_at is not null;
insert into held_lines select sku, holder, reservation_seq, quantity, due_at from reservation_lines where holder is not null;
drop table reservation_lines;

-- detail: JSON of what the transition changed and what cannot be told from the rows. stock: [[sku, version, total, reserved, sold]] after it, expiresAt: that of the
-- reservation, reason: the operator's, data: the product or the stock.
create table events_with_detail (
  seq integer primary key,
  type text not null,
  time integer not null,
  subject text not null,
  detail text not null
) strict;

insert into events_with_detail
  select seq, type, time, subject, json_object('stock', json(coalesce(stock, '[]')), 'expiresAt', expires_at, 'reason', reason, 'data', json(data)) from events;
drop table events;
alter table events_with_detail rename to events;
