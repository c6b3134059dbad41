import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { viewReservation, writeReservation } from '../../src/engine/views.ts'
import type { Reservation } from '../../src/index.ts'

const instants = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) })
const sku = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/)
const unitPrice = fc.option(fc.record({ amount: fc.nat(), currency: fc.constantFrom('EUR', 'JPY') }))
const reservations: fc.Arbitrary<Reservation> = fc.record({
  id: fc.uuid(),
  userId: fc.string({ unit: 'grapheme', minLength: 1 }),
  status: fc.constantFrom('active', 'confirmed', 'cancelled', 'expired'),
  items: fc.array(fc.record({ sku, quantity: fc.integer({ min: 1, max: 1_000 }), unitPrice }), { minLength: 1, maxLength: 4 }),
  metadata: fc.dictionary(fc.string({ unit: 'grapheme' }), fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean())),
  createdAt: instants,
  expiresAt: instants,
  expiresInMs: fc.nat(),
  endedAt: fc.option(instants),
  orderId: fc.option(fc.uuid()),
}) as fc.Arbitrary<Reservation>

describe('writeReservation()', () => {
  it('writes what JSON.stringify writes of the view, byte for byte', () => {
    const same = fc.property(reservations, (reservation) => {
      expect(writeReservation(reservation)).toBe(JSON.stringify(viewReservation(reservation)))
    })
    fc.assert(same)
  })
})
