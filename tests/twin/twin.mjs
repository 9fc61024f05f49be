// A Discord that others have written (`discord-digital-twin`), for tests/e2e/discord_twin.rs.
//
// Says in its first line where it is and who is there. Its people do what a POST to `control` names, with the arguments
// as JSON: `/say`, `/edit`, `/use`, `/press`, `/messages`, `/threads`, `/commands`. It ends when its stdin does.

import http from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const installed = createRequire(`${process.argv[2]}/`)
const { DigitalDiscord } = await import(pathToFileURL(installed.resolve('discord-digital-twin')))

const TEXT_CHANNEL = 0
const GENERAL = '900000000000000001'
const token = 'OTAw.twin.token'

const discord = new DigitalDiscord({
  guild: { name: 'Twin' },
  channels: [{ id: GENERAL, name: 'general', type: TEXT_CHANNEL }],
  users: [{ username: 'alice' }],
  botUser: { username: 'takopi' },
  botToken: token,
})

// Discord gives a thread the id of the message it was opened on (its docs, "Start Thread from Message"). The twin says of
// itself that it gives another; here it gets the right one, as it is written into its tables.
const ids = new Map()
const real = (id) => ids.get(id) ?? id
discord.prisma = discord.prisma.$extends({
  query: {
    channel: {
      create({ args, query }) {
        const { id, starterMessageId } = args.data
        if (starterMessageId) {
          ids.set(id, starterMessageId)
          args.data.id = starterMessageId
        }
        return query(args)
      },
      findUniqueOrThrow({ args, query }) {
        args.where.id = real(args.where.id)
        return query(args)
      },
    },
    threadMember: {
      create({ args, query }) {
        args.data.channelId = real(args.data.channelId)
        return query(args)
      },
    },
  },
})

await discord.start()
const person = await discord.getFirstNonBotUserId()
const alice = (channel) => discord.channel(channel).user(person)

const deeds = {
  say: ({ channel, text }) => alice(channel).sendMessage({ content: text }),
  edit: ({ channel, message, text }) => alice(channel).editMessage({ messageId: message, content: text }),
  use: ({ channel, name, options }) => alice(channel).runSlashCommand({ name, options }),
  press: ({ channel, message, id }) => alice(channel).clickButton({ messageId: message, customId: id }),
  messages: ({ channel }) => discord.channel(channel).getMessages(),
  threads: ({ channel }) => discord.channel(channel).getThreads(),
  commands: () => discord.prisma.applicationCommand.findMany(),
}

const control = http.createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  try {
    const done = await deeds[request.url.slice(1)](JSON.parse(Buffer.concat(chunks)))
    response.end(JSON.stringify(done ?? null))
  } catch (error) {
    response.statusCode = 500
    response.end(JSON.stringify(String(error?.stack ?? error)))
  }
})
control.listen(0, '127.0.0.1', () => {
  const url = discord.restUrl.replace(/\/api$/, '')
  const place = `http://127.0.0.1:${control.address().port}`
  console.log(JSON.stringify({ url, token, control: place, person, bot: discord.botUserId, general: GENERAL }))
})

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
