import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient, type Key, type Shop } from '../../src/client/index.ts'
import { expectNoReports, startService, type Service } from '../support/http.ts'
import { identity, sign } from '../support/identities.ts'
import { accepted } from '../support/shop.ts'

const secretOf = (scope: string): string => identity.keys.find((key) => key.scope === scope)!.secret
const oneOfA = (userId: string) => ({ userId, items: [{ sku: 'a', quantity: 1 }] })

describe('a client of a service that knows its callers', () => {
  let service: Service
  const as = (key?: Key): Shop => createClient({ url: service.address, key })

  beforeAll(async () => {
    service = await startService({ identity })
    accepted(await as(secretOf('admin')).createProduct({ sku: 'a', name: 'A', totalStock: 9 }))
  })
  afterAll(async () => {
    expectNoReports(service)
    await service.close()
  })

  it('may do what its key may do', async () => {
    for (const shop of [as(), as('nobody-has-this-key')]) {
      await expect(shop.reserve(oneOfA('ada'))).rejects.toMatchObject({ name: 'ServiceError', code: 'unauthenticated', status: 401 })
    }
    await expect(as(secretOf('read')).reserve(oneOfA('ada'))).rejects.toMatchObject({ code: 'forbidden', status: 403 })
    await expect(as(secretOf('service')).adjustStock('a', { delta: 1 })).rejects.toThrow(/answered 403 forbidden: /)
    expect(accepted(await as(secretOf('service')).reserve(oneOfA('ada'))).userId).toBe('ada')
  })

  it('sees of a user what is theirs, with a token that is made anew', async () => {
    const [ada, eve] = ['ada', 'eve'].map((sub) => as(() => sign({ sub })))
    const { id } = accepted(await ada!.reserve(oneOfA('ada')))
    expect([(await ada!.reservation(id))?.id, await eve!.reservation(id)]).toEqual([id, null])
    expect(await eve!.confirm(id)).toEqual({ ok: false, refusal: { code: 'reservation_not_found' } })
    await expect(eve!.reserve(oneOfA('ada'))).rejects.toMatchObject({ code: 'forbidden' })
    expect(accepted(await ada!.confirm(id)).userId).toBe('ada')
  })
})
