// What each page does with the token of the link that led to it.
const pages = {
  verify: {
    ask: (token) => post('/notifications/verify', { token }),
    done: 'The address is confirmed.',
  },
  'password-reset': {
    ask: (token) => post('/auth/password-reset/confirm', { token, new_password: document.getElementById('new-password').value }),
    done: 'The password is set. Sign in with it.',
  },
  unsubscribe: {
    ask: (token) => post(`/notifications/unsubscribe?token=${encodeURIComponent(token)}`),
    done: 'You get no more mails.',
  },
};

const form = document.querySelector('form');
const outcome = document.getElementById('outcome');
const { ask, done } = pages[form.id];
const token = new URLSearchParams(location.search).get('token');

// It stays neither in the history nor on the screen.
history.replaceState(null, '', location.pathname);
if (token) form.hidden = false;
else outcome.textContent = 'The link is not whole. Copy all of it from the mail.';

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  outcome.textContent = await ask(token).then(tell, () => 'The service cannot be reached. Try again.');
  button.disabled = false;
});

function post(path, body) {
  return fetch(`/api/v1${path}`, {
    method: 'POST',
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  });
}

async function tell(response) {
  if (response.ok) {
    form.hidden = true;
    return done;
  }
  const { error } = await response.json();
  const faults = error.details.map(({ message }) => message).filter(Boolean);
  return [error.message, ...faults].join(': ');
}
