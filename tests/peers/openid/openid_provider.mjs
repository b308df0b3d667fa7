// The certified oidc-provider as a company's identity provider: its people, groups and our client come as JSON, the issuer goes to stdout.
import { createServer } from 'node:http'
const [library, given] = process.argv.slice(2)
const { default: Provider } = await import(library)
const { people, client, port } = JSON.parse(given)
const server = createServer()
await new Promise((listening) => server.listen(port, '127.0.0.1', listening))
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, {
  clients: [client],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'groups'],
  features: { backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true }, devInteractions: { enabled: true } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  cookies: { keys: ['a test'] },
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
})
server.on('request', provider.callback())
console.log(issuer)
