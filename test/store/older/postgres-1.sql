-- What a Holdfast of version 1 of the schema left behind. ann holds units (until 2100), those of bob are due, cid bought, dan cancelled, eve's order was cancelled.
insert into products values
  ('each', 'Each', null, null, null, 3, 0, null, null, null, 1735689600744, 1735689600744),
  ('a', 'A2', null, 1999, 'EUR', null, 0, null, null, null, 1735689600727, 1735689600855);
insert into stock values ('each', 10, 1, 2, 7, 1), ('a', 25, 5, 1, 8, 2);
insert into reservations values
  (3, '01a1fef6-5c2f-7000-a32f-4a5c3d9ef70d', 'ann', 'active', '[{"sku":"a","quantity":2,"unitPrice":{"amount":1999,"currency":"EUR"}},{"sku":"each","quantity":1,"unitPrice":null}]', '{}', 1735689600754, 4102444800000, null, null),
  (5, '01a1fef6-5c3c-7000-9c1c-a2910a1497c9', 'bob', 'active', '[{"sku":"a","quantity":3,"unitPrice":{"amount":1999,"currency":"EUR"}}]', '{}', 1735689600769, 1735689601769, null, null),
  (7, '01a1fef6-5c45-7000-ac1b-53f99d3abb73', 'cid', 'confirmed', '[{"sku":"a","quantity":1,"unitPrice":{"amount":1999,"currency":"EUR"}},{"sku":"each","quantity":2,"unitPrice":null}]', '{}', 1735689600775, 1735690200775, 1735689600783, '01a1fef6-5c4c-7000-b35b-63487b54dce0'),
  (10, '01a1fef6-5c59-7000-b08b-30b8656d4f84', 'dan', 'cancelled', '[{"sku":"a","quantity":4,"unitPrice":{"amount":1999,"currency":"EUR"}}]', '{}', 1735689600797, 1735690200797, 1735689600802, null),
  (13, '01a1fef6-5c69-7000-a47d-3ff5e7ce219f', 'eve', 'confirmed', '[{"sku":"each","quantity":1,"unitPrice":null}]', '{}', 1735689600812, 1735690200812, 1735689600824, '01a1fef6-5c75-7000-a58d-979e0b1237b1');
insert into open_lines values (0, 'a', 4102444800000, 3, 2), (0, 'each', 4102444800000, 3, 1), (0, 'a', 1735689601769, 5, 3);
insert into held_lines values ('each', 'ann', 3, 1, 4102444800000), ('each', 'cid', 7, 2, null);
insert into orders overriding system value values
  (1, '01a1fef6-5c4c-7000-b35b-63487b54dce0', '01a1fef6-5c45-7000-ac1b-53f99d3abb73', 'cid', 'placed', '{"note":"old"}', 1735689600783, null),
  (2, '01a1fef6-5c75-7000-a58d-979e0b1237b1', '01a1fef6-5c69-7000-a47d-3ff5e7ce219f', 'eve', 'cancelled', '{}', 1735689600824, 1735689600835);
insert into events values
  (1, 'product.created', 1735689600727, 'a', '{"stock":[["a",1,20,0,0]],"data":{"sku":"a","name":"A","description":null,"price":{"amount":1999,"currency":"EUR"},"maxPerUser":null,"reservationTtlSeconds":null,"saleStartsAt":null,"saleEndsAt":null,"createdAt":1735689600727,"updatedAt":1735689600727,"stock":{"sku":"a","total":20,"reserved":0,"sold":0,"available":20,"version":1,"status":"available","nextReleaseAt":null}}}'),
  (2, 'product.created', 1735689600744, 'each', '{"stock":[["each",1,10,0,0]],"data":{"sku":"each","name":"Each","description":null,"price":null,"maxPerUser":3,"reservationTtlSeconds":null,"saleStartsAt":null,"saleEndsAt":null,"createdAt":1735689600744,"updatedAt":1735689600744,"stock":{"sku":"each","total":10,"reserved":0,"sold":0,"available":10,"version":1,"status":"available","nextReleaseAt":null}}}'),
  (3, 'reservation.created', 1735689600754, '01a1fef6-5c2f-7000-a32f-4a5c3d9ef70d', '{"stock":[["a",2,20,2,0],["each",2,10,1,0]],"expiresAt":4102444800000}'),
  (4, 'reservation.created', 1735689600769, '01a1fef6-5c3c-7000-9c1c-a2910a1497c9', '{"stock":[["a",3,20,5,0]],"expiresAt":1735689601769}'),
  (5, 'reservation.created', 1735689600775, '01a1fef6-5c45-7000-ac1b-53f99d3abb73', '{"stock":[["a",4,20,6,0],["each",3,10,3,0]],"expiresAt":1735690200775}'),
  (6, 'reservation.confirmed', 1735689600783, '01a1fef6-5c45-7000-ac1b-53f99d3abb73', '{"stock":[["a",5,20,5,1],["each",4,10,1,2]],"expiresAt":1735690200775}'),
  (7, 'order.created', 1735689600783, '01a1fef6-5c4c-7000-b35b-63487b54dce0', '{"stock":[]}'),
  (8, 'reservation.created', 1735689600797, '01a1fef6-5c59-7000-b08b-30b8656d4f84', '{"stock":[["a",6,20,9,1]],"expiresAt":1735690200797}'),
  (9, 'reservation.cancelled', 1735689600802, '01a1fef6-5c59-7000-b08b-30b8656d4f84', '{"stock":[["a",7,20,5,1]],"expiresAt":1735690200797}'),
  (10, 'reservation.created', 1735689600812, '01a1fef6-5c69-7000-a47d-3ff5e7ce219f', '{"stock":[["each",5,10,2,2]],"expiresAt":1735690200812}'),
  (11, 'reservation.confirmed', 1735689600824, '01a1fef6-5c69-7000-a47d-3ff5e7ce219f', '{"stock":[["each",6,10,1,3]],"expiresAt":1735690200812}'),
  (12, 'order.created', 1735689600824, '01a1fef6-5c75-7000-a58d-979e0b1237b1', '{"stock":[]}'),
  (13, 'order.cancelled', 1735689600835, '01a1fef6-5c75-7000-a58d-979e0b1237b1', '{"stock":[["each",7,10,1,2]],"reason":"damaged"}'),
  (14, 'stock.adjusted', 1735689600845, 'a', '{"stock":[["a",8,25,5,1]],"reason":"more","data":{"sku":"a","total":25,"reserved":5,"sold":1,"available":19,"version":8,"status":"available","nextReleaseAt":1735689601769}}'),
  (15, 'product.updated', 1735689600855, 'a', '{"stock":[],"data":{"sku":"a","name":"A2","description":null,"price":{"amount":1999,"currency":"EUR"},"maxPerUser":null,"reservationTtlSeconds":null,"saleStartsAt":null,"saleEndsAt":null,"createdAt":1735689600727,"updatedAt":1735689600855,"stock":{"sku":"a","total":25,"reserved":5,"sold":1,"available":19,"version":8,"status":"available","nextReleaseAt":1735689601769}}}');
update feed set last = 15;
-- Given in 2100, so that it is never too old to be given again.
insert into answers values ('library confirm', 'old', 'LhmLn6C0gdOLa-b1siTn80BcSmdhfWWKjYyahcVo3M4', 4102444800000, 1, '{"id":"01a1fef6-5c4c-7000-b35b-63487b54dce0","reservationId":"01a1fef6-5c45-7000-ac1b-53f99d3abb73","userId":"cid","status":"placed","items":[{"sku":"a","quantity":1,"unitPrice":{"amount":1999,"currency":"EUR"}},{"sku":"each","quantity":2,"unitPrice":null}],"total":null,"metadata":{"note":"old"},"createdAt":1735689600783,"cancelledAt":null}');
select setval('orders_seq_seq', 2), setval('reservation_seq', 18);
