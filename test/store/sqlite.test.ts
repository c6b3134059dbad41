import { describe, test } from 'vitest'
import { describeStore } from '../../src/store/conformance/index.ts'
import { sqliteInMemory, sqliteOnDisk } from './harness.ts'

describeStore(sqliteInMemory, { describe, test })
describeStore(sqliteOnDisk, { describe, test })
