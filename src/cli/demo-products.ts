import type { CreateProductInput } from '../engine/schemas.ts'

const dayMs = 24 * 60 * 60 * 1000

/** A handful of sales to try things out with. One starts a week from `now`, to show what a buyer is told before. */
export function demoProducts(now: number): readonly CreateProductInput[] {
  return [
    {
      sku: 'sneaker-aurora-42',
      name: 'Aurora Runner, size 42',
      description: 'Limited drop: one pair per person.',
      totalStock: 100,
      price: { amount: 18_900, currency: 'EUR' },
      maxPerUser: 1,
      reservationTtlSeconds: 300,
    },
    {
      sku: 'concert-floor',
      name: 'Night Lines live: floor',
      description: 'Standing, in front of the stage.',
      totalStock: 2_000,
      price: { amount: 7_450, currency: 'EUR' },
      maxPerUser: 4,
      reservationTtlSeconds: 600,
    },
    {
      sku: 'concert-balcony',
      name: 'Night Lines live: balcony',
      description: 'Seated. Buy it together with floor tickets in one reservation: all or none.',
      totalStock: 350,
      price: { amount: 9_900, currency: 'EUR' },
      maxPerUser: 4,
      reservationTtlSeconds: 600,
    },
    {
      sku: 'print-harbour-at-dusk',
      name: 'Harbour at Dusk, signed print',
      description: 'Edition of 25, numbered.',
      totalStock: 25,
      price: { amount: 24_000, currency: 'EUR' },
      maxPerUser: 1,
      reservationTtlSeconds: 900,
    },
    {
      sku: 'synth-mk2-preorder',
      name: 'Model 7 mk II, pre-order',
      description: 'The sale starts a week after the demo was set up and lasts a day.',
      totalStock: 500,
      price: { amount: 129_900, currency: 'EUR' },
      maxPerUser: 2,
      saleStartsAt: now + 7 * dayMs,
      saleEndsAt: now + 8 * dayMs,
    },
    { sku: 'sticker', name: 'Sticker', description: 'No limit, no hurry.', totalStock: 10_000, price: { amount: 150, currency: 'EUR' } },
  ]
}
