// Sources made by the application itself. What a handler does is in its path; the picture is one of public/.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const dynamic = 'force-dynamic';

const picture = () => readFile(join(process.cwd(), 'public', 'photo.jpg'));
const type = { 'content-type': 'image/jpeg' };
const kept = (value) => async () => new Response(await picture(), { headers: { ...type, 'cache-control': value } });
const refused = (status) => () => new Response('no picture here', { status });

const answers = {
  plain: async () => new Response(await picture(), { headers: type }),
  untyped: async () => new Response(await picture()),
  mistyped: async () => new Response(await picture(), { headers: { 'content-type': 'text/html' } }),
  private: kept('private, max-age=60'),
  'no-store': kept('no-store'),
  'no-cache': kept('no-cache'),
  'max-age': kept('public, max-age=86400'),
  's-maxage': kept('max-age=5, s-maxage=100000'),
  'short-age': kept('max-age=5'),
  401: refused(401),
  403: refused(403),
  404: refused(404),
  410: refused(410),
  418: refused(418),
  429: refused(429),
  500: refused(500),
  503: refused(503),
  empty: () => new Response('', { headers: type }),
  nothing: () => new Response(null, { status: 204 }),
  part: async () => new Response(await picture(), { status: 206, headers: type }),
  page: () => new Response('<!doctype html><p>Not a picture.', { headers: { 'content-type': 'text/html' } }),
  moved: ({ url }) => Response.redirect(new URL('plain', url), 307),
  thrown: () => {
    throw new Error('on purpose');
  },
  slow: async () => {
    await new Promise((done) => setTimeout(done, 1500));
    return new Response(await picture(), { headers: type });
  },
};

async function answer(request, { params }) {
  const { what } = await params;
  const made = answers[what] ?? answers[404];
  return made(request);
}

export { answer as GET };
