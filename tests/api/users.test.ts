import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let admin: Client;
let ann: Client;
beforeAll(async () => {
  service = await startTestService();
  admin = await service.admin();
  ann = await service.someone('ann');
  const people = {
    quill: 'Zoë Maker',
    'quill.maker': 'Jörg-Peter Müller',
    maker2: 'Anton Quillmann',
    'a.quill': '100% Sure',
    gone: 'Quill Gone',
  };
  for (const [username, full_name] of Object.entries(people)) {
    const made = await admin.post('/admin/users', { email: `${username}@tasks.test`, username, full_name, password: 'Passw0rd-of-mine' });
    expect(made.status).toBe(201);
    if (username === 'gone') await admin.patch(`/admin/users/${made.body.id}`, { is_active: false });
  }
});
afterAll(() => service?.stop());

const names = async (query: string, by = ann) =>
  (await by.get(`/users?${query}`)).body.items.map(({ username }: { username: string }) => username);

describe('GET /users', () => {
  test.each([
    ['quill', ['maker2', 'quill', 'quill.maker']],
    ['QUILLM', ['maker2']],
    ['muller', ['quill.maker']],
    ['peter m', ['quill.maker']],
    ['J%C3%96RG-P', ['quill.maker']],
    ['maker', ['maker2', 'quill']],
    ['zoe', ['quill']],
    ['aker', []],
    ['100%25', ['a.quill']],
    ['__', []],
    ['ann', []],
    ['gone', []],
  ])('?search=%s finds by the beginning of a username or of a word of a name', async (search, expected) => {
    expect(await names(`search=${search}`)).toEqual(expected);
  });

  test('is a listing: with an exact total, pages, links and cursors', async () => {
    const first = await ann.get('/users?search=quill&limit=2');
    expect(first.body).toMatchObject({ total: 3, page: 1, per_page: 2, pages: 2, next_cursor: expect.any(String) });
    expect(first.headers.get('link')).toContain('rel="next"');
    expect(await names('search=quill&limit=2&page=2')).toEqual(['quill.maker']);
    expect(await names('search=quill&skip=1')).toEqual(['quill', 'quill.maker']);
    expect(await names(`search=quill&cursor=${first.body.next_cursor}`)).toEqual(['quill.maker']);
    const { body } = await ann.get(`/users?search=maker&cursor=${first.body.next_cursor}`);
    expect(body.error.code).toBe('INVALID_CURSOR');
  });

  test('is for admins alone without a text, which has two characters at least', async () => {
    const faults = async (query: string) =>
      (await ann.get(`/users${query}`)).body.error.details.map(({ path, code }: { path: string; code: string }) => [path, code]);
    expect(await faults('')).toEqual([['query.search', 'required']]);
    expect(await faults('?search=+q+')).toEqual([['query.search', 'too_short']]);
    expect(await faults(`?search=${'x'.repeat(201)}`)).toEqual([['query.search', 'too_long']]);
    expect(await names('', admin)).toEqual(['a.quill', 'ann', 'maker2', 'quill', 'quill.maker']);
    expect((await service.anonymous.get('/users?search=quill')).status).toBe(401);
  });
});
