import { afterAll, describe, expect, it } from 'vitest'
import { conformance } from '../../src/store/conformance/index.ts'
import { stopServing, throughTheClient } from '../support/client-harness.ts'

const cases = conformance(throughTheClient).map((one) => ({ ...one, name: `${one.group}: ${one.title}` }))
afterAll(stopServing)

describe('a service, through the client', () => {
  for (const { name, run } of cases) {
    it(name, run)
  }
})
