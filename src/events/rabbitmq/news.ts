/** Tells people when RabbitMQ is away and when it is back: each reason once, not for each attempt and not for each connection. */
export interface News {
  readonly down: (connection: string, reason: string) => void
  readonly up: (connection: string) => void
}

class Away extends Error {
  readonly code = 'broker_away'
}

export interface NewsOptions {
  readonly report: (error: unknown) => void
  readonly warn: (message: string) => void
}

export function createNews(where: string, { report, warn }: NewsOptions): News {
  const away = new Set<string>()
  const told = new Set<string>()
  return {
    down: (connection, reason) => {
      away.add(connection)
      if (told.has(reason)) return
      told.add(reason)
      report(new Away(`${where}: ${reason}. It is tried until that is over; nothing is lost meanwhile.`))
    },
    up: (connection) => {
      if (!away.delete(connection) || away.size > 0) return
      told.clear()
      warn(`${where}: all is well again.`)
    },
  }
}
