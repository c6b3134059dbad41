import { afterAll, beforeAll, describe } from 'vitest'
import { createRabbitMqServer, skipRabbitMq, type RabbitMqServer } from '../support/rabbitmq-server.ts'
import { describeCommands } from './rabbitmq/commands.ts'
import { describeEvents } from './rabbitmq/events.ts'
import { describeService } from './rabbitmq/service.ts'

let server: RabbitMqServer | undefined

// One server for all of them: it takes seconds to start.
describe.skipIf(skipRabbitMq)('RabbitMQ', () => {
  beforeAll(async () => {
    server = await createRabbitMqServer()
    await server.start()
  })
  afterAll(() => server?.remove())

  describeEvents(() => server!)
  describeCommands(() => server!)
  describeService(() => server!)
})
