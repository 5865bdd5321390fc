import { describe, expect, test } from '@jest/globals';
import { Email, FullName, isGuessable, Password, Timezone, Username } from '../../src/accounts/credentials.ts';
import { usernamesFor } from '../../src/accounts/username.ts';

const uuid = '0198c0de-0000-7000-8000-000000000001';

describe('a username', () => {
  test.each([
    ['ann', 'ann'],
    ['Ann.Lee_2-x', 'ann.lee_2-x'],
    ['0abc', '0abc'],
    ['a'.repeat(50), 'a'.repeat(50)],
    ['mei', 'mei'],
    [`${uuid}0`, `${uuid}0`],
  ])('may be %s, kept as %s', (sent, kept) => {
    expect(Username.parse(sent)).toBe(kept);
  });

  test.each([
    '',
    'ab',
    'me',
    'ME',
    'none',
    'None',
    'a'.repeat(51),
    '.ann',
    '-ann',
    '_ann',
    'an n',
    'änn',
    'ann@x',
    'ann/',
    'ann\0',
    uuid,
    uuid.toUpperCase(),
  ])('may not be %j', (sent) => {
    expect(Username.safeParse(sent).success).toBe(false);
  });
});

describe('a username from an e-mail address', () => {
  const firstThree = (email: string) => {
    const names = usernamesFor(email);
    return [names.next().value, names.next().value, names.next().value];
  };

  test.each([
    ['ann@example.com', ['ann', 'ann1', 'ann2']],
    ['Ann+Work@example.com', ['ann-work', 'ann-work1', 'ann-work2']],
    ['me@example.com', ['me1', 'me2', 'me3']],
    ['none@example.com', ['none1', 'none2', 'none3']],
    ['x@example.com', ['x10', 'x11', 'x12']],
    ['_x_y_@example.com', ['x_y_', 'x_y_1', 'x_y_2']],
    ["'@example.com", ['user', 'user1', 'user2']],
    [`${uuid}@example.com`, [`${uuid}1`, `${uuid}2`, `${uuid}3`]],
    [`${'a'.repeat(60)}@example.com`, ['a'.repeat(50), `${'a'.repeat(49)}1`, `${'a'.repeat(49)}2`]],
  ])('of %s is one of %j', (email, names) => {
    expect(firstThree(email)).toEqual(names);
  });
});

describe('a password', () => {
  test.each(['Zyxwvut1', 'ÄÖÜäöü12', `A1${'x'.repeat(126)}`, 'With space 1', 'fifteen letters'])('may be %s', (password) => {
    expect(Password.safeParse(password).success).toBe(true);
  });

  test.each(['Abcdefg1', 'Zyxwvu1', `A1${'x'.repeat(127)}`, 'zyxwvut1', 'Zyxwvuts', '', 'Zyxwvut1\0', 'Zyxwvut1\ud800'])(
    'may not be %j',
    (password) => {
      expect(Password.safeParse(password).success).toBe(false);
    },
  );

  test('is refused with every rule that it breaks', () => {
    const { error } = Password.safeParse('abc');
    expect(error?.issues.map(({ message }) => message)).toMatchObject([/>=8/, /upper-case letter/, /digit/].map(expect.stringMatching));
  });

  test('is guessable when it is the e-mail address or the username', () => {
    const account = { email: 'Ann1@example.com', username: 'annie1234' };
    expect(isGuessable('ANN1@example.com', account)).toBe(true);
    expect(isGuessable('Annie1234', account)).toBe(true);
    expect(isGuessable('Annie12345', account)).toBe(false);
  });
});

describe('other facts of an account', () => {
  test.each(['ann@example.com', `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(57)}.com`])(
    'take %s for an e-mail address',
    (email) => {
      expect(Email.safeParse(email).success).toBe(true);
    },
  );

  test.each(['', 'ann', 'ann@', '@example.com', 'a b@example.com', 'ann@example', `a@${'b.'.repeat(126)}com`, 'ann@example.com\0'])(
    'do not take %j for one',
    (email) => {
      expect(Email.safeParse(email).success).toBe(false);
    },
  );

  test('trim a full name, and bound it', () => {
    expect(FullName.parse('  Ann Lee ')).toBe('Ann Lee');
    expect(FullName.safeParse('x'.repeat(201)).success).toBe(false);
  });

  test.each([
    ['Europe/Vienna', true],
    ['UTC', true],
    ['America/Argentina/Buenos_Aires', true],
    ['Europe/Atlantis', false],
    ['+02:00', false],
    ['', false],
  ])('know whether %s is a time zone: %s', (name, isOne) => {
    expect(Timezone.safeParse(name).success).toBe(isOne);
  });
});
