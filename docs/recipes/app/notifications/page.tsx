import { notificationsOf } from '../../lib/notify.ts';
import { currentUser } from '../../lib/user.ts';
import { sendMessage } from './actions.ts';
import { NotificationList } from './notification-list.tsx';

export default async function Notifications() {
  const user = await currentUser();
  if (user === null) return <p>Sign in to see your notifications.</p>;
  return (
    <main>
      <NotificationList channel={notificationsOf(user.id)} key={user.id} />
      <form action={sendMessage}>
        <input aria-label="To" name="to" required />
        <input aria-label="Text" name="text" required />
        <button type="submit">Send</button>
      </form>
    </main>
  );
}
