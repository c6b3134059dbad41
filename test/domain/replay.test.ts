import { describe, expect, it } from 'vitest'
import type { Command } from '../../src/domain/command.ts'
import type { Changes } from '../../src/domain/facts.ts'
import { peek } from '../../src/domain/peek.ts'
import { replay, replayNeeds, type Transition } from '../../src/domain/replay.ts'
import type { ReservationRow } from '../../src/domain/reservation.ts'
import type { Releases } from '../../src/domain/stock.ts'
import * as kit from '../../src/store/conformance/kit.ts'
import { decideAll, decideOne, factsOf, nothing, now, order, product, reservation, seen, stock, type Rows } from './facts.ts'

const key = kit.key('k')
const row = reservation('r', { a: 2 })
const made = reservation('new', { a: 2 }, { createdAt: now, expiresAt: now + 600_000 })
const due = reservation('r', { a: 2 }, { expiresAt: now })
const sold = reservation('r', { a: 2 }, { status: 'confirmed', endedAt: now - 5, orderId: 'o' })
const free: Rows = { stock: [stock('a', 5)] }
const held: Rows = { stock: [stock('a', 5, { reserved: 2 })], reservations: [row] }
const bought: Rows = { stock: [stock('a', 2, { sold: 2 })], reservations: [sold], orders: [order('o', sold)] }
const limited = product('a', { maxPerUser: 3, updatedAt: now })
const back: Releases = { dueUnits: 0, nextReleaseAt: now + 1_000 }

/** What comes back is not among the facts of a ledger. */
function replayOn(rows: Rows, ...transitions: readonly Transition[]): Changes {
  return replay(transitions, { ...factsOf(rows), releases: new Map(), usage: new Map() })
}

describe('replay()', () => {
  const at = { time: now, idempotency: key }
  const same: [string, Rows, Command, Transition][] = [
    ['reserve', free, kit.reserve('ann', { a: 2 }, { id: 'new', idempotency: key }), { ...at, type: 'reserved', row: made }],
    [
      'reserve of the last units',
      { stock: [stock('a', 2)] },
      kit.reserve('ann', { a: 2 }, { id: 'new', idempotency: key }),
      { ...at, type: 'reserved', row: made, releases: [{ dueUnits: 0, nextReleaseAt: made.expiresAt }] },
    ],
    [
      'confirm',
      held,
      kit.confirm('r', { orderId: 'o', metadata: { note: 'x' }, idempotency: key }),
      { ...at, type: 'confirmed', id: 'r', orderId: 'o', metadata: { note: 'x' } },
    ],
    ['cancel', held, kit.cancel('r', { idempotency: key }), { ...at, type: 'cancelled', id: 'r' }],
    ['extend', held, kit.extend('r', 5_000, { idempotency: key }), { ...at, type: 'extended', id: 'r', expiresAt: now + 5_000 }],
    ['extend to no later', held, kit.extend('r', 1, { idempotency: key }), { ...at, type: 'extended', id: 'r', expiresAt: now + 1_000 }],
    ['expire', { ...held, reservations: [due] }, kit.expire(), { ...at, type: 'expired', id: 'r' }],
    [
      'createProduct',
      {},
      kit.createProduct('a', 7, { idempotency: key }),
      { ...at, type: 'productCreated', product: product('a', { createdAt: now, updatedAt: now }), totalStock: 7 },
    ],
    [
      'updateProduct',
      held,
      kit.updateProduct('a', { maxPerUser: 3 }, { idempotency: key }),
      { ...at, type: 'productUpdated', product: limited, releases: [back] },
    ],
    [
      'adjustStock to nothing left',
      held,
      kit.adjustStock('a', -3, { reason: 'damaged', idempotency: key }),
      { ...at, type: 'adjusted', sku: 'a', delta: -3, reason: 'damaged', releases: [back, back] },
    ],
    [
      'cancelOrder',
      bought,
      kit.cancelOrder('o', { reason: 'torn', idempotency: key }),
      { ...at, type: 'orderCancelled', orderId: 'o', reason: 'torn' },
    ],
  ]

  it.each(same)('writes what decide() wrote for %s', (_, rows, command, transition) => {
    const { outcome, changes } = decideOne(command, rows)
    expect(outcome.ok).toBe(true)
    expect(replayOn(rows, transition)).toEqual(changes)
  })

  it.each(same)('names the rows that it needs for %s', (_, rows, _command, transition) => {
    const { taken, reservationIds, orderIds, newReservations } = replayNeeds([transition])
    const skus = [...taken.keys(), ...(rows.reservations ?? []).flatMap(({ items }) => items.map(({ sku }) => sku))]
    expect(skus).toContain('a')
    expect([...reservationIds, ...orderIds]).toHaveLength(rows.reservations === undefined || taken.size > 0 ? 0 : 1)
    expect(newReservations).toBe(transition.type === 'reserved' ? 1 : 0)
  })

  it('does not look for what the transitions make themselves', () => {
    const needs = replayNeeds([
      { type: 'reserved', row: made, time: 1 },
      { type: 'extended', id: 'new', expiresAt: 9, time: 1 },
      { type: 'confirmed', id: 'new', orderId: 'o', metadata: {}, time: 1 },
      { type: 'orderCancelled', orderId: 'o', reason: null, time: 1 },
      { type: 'confirmed', id: 'old', orderId: 'p', metadata: {}, time: 1 },
    ])
    expect(needs).toMatchObject({ newReservations: 1, reservationIds: ['old'], orderIds: [] })
  })

  it('does several after each other, each at its own time', () => {
    const { newReservations, newOrders, newStock, changedStock, events } = replayOn(
      free,
      { type: 'reserved', row: made, time: now },
      { type: 'confirmed', id: 'new', orderId: 'o', metadata: {}, time: now + 1 },
      { type: 'orderCancelled', orderId: 'o', reason: null, time: now + 2 },
    )
    expect(newReservations).toEqual([{ ...made, status: 'confirmed', endedAt: now + 1, orderId: 'o' }])
    expect(newOrders).toMatchObject([{ id: 'o', status: 'cancelled', createdAt: now + 1, cancelledAt: now + 2 }])
    expect([newStock, changedStock]).toEqual([[], [stock('a', 5, { version: 10 })]])
    expect(events.map(({ type, time }) => `${type} ${time - now}`)).toEqual([
      'reservation.created 0',
      'reservation.confirmed 1',
      'order.created 1',
      'order.cancelled 2',
    ])
  })

  it('ends what was lost with the memory at that time, and gives the units back (H3)', () => {
    const ended: ReservationRow = { ...row, status: 'lost', endedAt: now }
    expect(replayOn(held, { type: 'lost', id: 'r', time: now, idempotency: key })).toEqual({
      ...nothing,
      changedReservations: [ended],
      changedStock: [stock('a', 5, { version: 8 })],
      events: [
        {
          type: 'reservation.lost',
          time: now,
          subject: 'r',
          data: seen(ended, 0),
          stock: [stock('a', 5, { version: 8 })],
          reason: null,
        },
      ],
    })
  })

  it('shows what comes back as it is told, and nothing where it is not', () => {
    const full: Rows = { stock: [stock('a', 2, { reserved: 2 })], reservations: [row] }
    const shown = (releases?: readonly Releases[]) =>
      replayOn(full, { type: 'adjusted', sku: 'a', delta: 1, reason: null, time: now, ...(releases && { releases }) }).events.map(
        ({ data }) => 'nextReleaseAt' in data && [data.reserved, data.nextReleaseAt],
      )
    expect(
      shown([
        { dueUnits: 1, nextReleaseAt: 5 },
        { dueUnits: 2, nextReleaseAt: 6 },
      ]),
    ).toEqual([
      [1, 5],
      [0, 6],
    ])
    expect(shown([{ dueUnits: 1, nextReleaseAt: 5 }])).toEqual([
      [1, 5],
      [2, null],
    ])
    expect(shown()).toEqual([
      [2, null],
      [2, null],
    ])
  })

  const at1 = { time: now }
  it.each<[string, Rows, Transition, string]>([
    ['a sku that is not there', {}, { ...at1, type: 'reserved', row: made }, 'missing fact: stock of a'],
    ['a product that is not there', {}, { ...at1, type: 'productUpdated', product: limited }, 'missing fact: product a'],
    ['a reservation that is not there', free, { ...at1, type: 'cancelled', id: 'r' }, 'missing fact: reservation r'],
    ['an order that is not there', free, { ...at1, type: 'orderCancelled', orderId: 'o', reason: null }, 'missing fact: order o'],
    ['a reservation made twice', held, { ...at1, type: 'reserved', row }, 'reservation r is there already'],
    ['a product made twice', free, { ...at1, type: 'productCreated', product: limited, totalStock: 1 }, 'product a is there already'],
    ['a second end', bought, { ...at1, type: 'expired', id: 'r' }, 'reservation r is confirmed and cannot be expired'],
    [
      'an order of the same id',
      { ...bought, reservations: [row, sold] },
      { ...at1, type: 'confirmed', id: 'r', orderId: 'o', metadata: {} },
      'order o is there already',
    ],
    [
      'a second order of a reservation',
      bought,
      { ...at1, type: 'confirmed', id: 'r', orderId: 'p', metadata: {} },
      'reservation r is confirmed and cannot be confirmed',
    ],
    [
      'an order cancelled twice',
      { ...bought, orders: [order('o', sold, { status: 'cancelled', cancelledAt: now })] },
      { ...at1, type: 'orderCancelled', orderId: 'o', reason: null },
      'order o is cancelled and cannot be cancelled',
    ],
    [
      'a time that moves back',
      held,
      { ...at1, type: 'extended', id: 'r', expiresAt: now },
      'reservation r would expire earlier than before',
    ],
    [
      'more than there is',
      { stock: [stock('a', 1)] },
      { ...at1, type: 'reserved', row: made },
      'at version 8 of a 2 would be reserved and 0 sold of 1',
    ],
    [
      'less than nothing reserved',
      { ...held, stock: [stock('a', 5, { reserved: 1 })] },
      { ...at1, type: 'lost', id: 'r' },
      'at version 8 of a -1 would be reserved and 0 sold of 5',
    ],
    [
      'less than nothing sold',
      { ...bought, stock: [stock('a', 5, { sold: 1 })] },
      { ...at1, type: 'orderCancelled', orderId: 'o', reason: null },
      'at version 8 of a 0 would be reserved and -1 sold of 5',
    ],
    [
      'a total below what is sold',
      bought,
      { ...at1, type: 'adjusted', sku: 'a', delta: -1, reason: null },
      'at version 8 of a 0 would be reserved and 2 sold of 1',
    ],
  ])('cannot do %s', (_, rows, transition, message) => {
    expect(() => replayOn(rows, transition)).toThrow(message)
  })

  it('notices also what another transition would have mended (S1)', () => {
    const transitions: Transition[] = [
      { type: 'reserved', row: { ...made, items: [{ sku: 'a', quantity: 9, unitPrice: null }] }, time: now },
      { type: 'cancelled', id: 'new', time: now },
    ]
    expect(() => replayOn(free, ...transitions)).toThrow('at version 8 of a 9 would be reserved and 0 sold of 5')
  })
})

describe('peek()', () => {
  const lost = { ...row, status: 'lost', endedAt: now } as const
  const ends = [kit.confirm('r', { orderId: 'p' }), kit.cancel('r'), kit.extend('r', 5_000)]

  it('answers as decide() does what has ended, or is not there', () => {
    const states: Rows[] = [
      {},
      bought,
      ...(['cancelled', 'expired', 'lost'] as const).map((status) => ({ ...held, reservations: [{ ...lost, status }] })),
    ]
    for (const rows of states) {
      const answers = peek(ends, factsOf(rows), now)
      expect(answers).toEqual(ends.map((command) => decideOne(command, rows).outcome))
    }
    expect(peek(ends, factsOf({ ...held, reservations: [lost] }), now)).toEqual(
      ends.map(() => ({ ok: false, refusal: { code: 'reservation_lost' } })),
    )
  })

  it('has no answer where something is active, be it due, or where nothing is stored', () => {
    expect(peek(ends, factsOf(held), now)).toEqual([null, null, null])
    expect(peek(ends, factsOf({ ...held, reservations: [due] }), now)).toEqual([null, null, null])
    expect(peek([kit.reserve('ann', { a: 1 }, { idempotency: key }), kit.adjustStock('a', 1)], factsOf(free), now)).toEqual([null, null])
  })

  it('gives a stored answer again, and to its own request only (I2, I3)', () => {
    const confirm = kit.confirm('r', { orderId: 'o', idempotency: key })
    const { outcomes, changes } = decideAll([confirm], held)
    const facts = factsOf({ ...held, answers: changes.answers })
    const other = { ...confirm, idempotency: kit.key('k', { fingerprint: 'another' }) }
    expect(peek([confirm, other], facts, now)).toEqual([
      { ...outcomes[0], replayed: true },
      { ok: false, refusal: { code: 'idempotency_key_reused' } },
    ])
  })
})
