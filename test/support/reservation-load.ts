import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';

/** People who reserve, look at what they have and give it back, through whatever goes wrong behind the address. */
export interface ReservationLoad {
  /** Reservations that were acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
  /** How many requests were sent, and how many of them got no answer or one that says to ask again. */
  readonly sent: number;
  readonly failed: number;
  /** What must not be: wrong answers, acknowledged reservations that are unknown or not active. */
  readonly wrong: readonly string[];
  /** Ends it, after what each is at. */
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  readonly body: any;
}

/** Each of `people` asks for one machine at a time, again and again under the same idempotency key until there is an answer. */
export function startReservationLoad(token: string, people: number): ReservationLoad {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const acknowledged = new Set<string>();
  const wrong: string[] = [];
  let [sent, failed, going] = [0, 0, true];

  const send = (method: string, path: string, more: Record<string, string> = {}, body?: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token}`,
        ...more,
        ...(body && { 'content-type': 'application/json' }),
      };
      const options = { host: 'localhost', method, path: `/api${path}`, headers, agent, timeout: 40_000 };
      const asked = request(options, (answer) => {
        let text = '';
        answer.on('data', (part) => {
          text += part;
        });
        answer.on('error', reject);
        answer.on('end', () => {
          try {
            resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) });
          } catch (error) {
            reject(error);
          }
        });
      });
      asked.on('timeout', () => asked.destroy(new Error('no answer')));
      asked.on('error', reject);
      asked.end(body && JSON.stringify(body));
    });

  /** Asks until there is an answer that is not "ask again". */
  const untilAnswered: typeof send = async (...what) => {
    for (;;) {
      sent += 1;
      const answer = await send(...what).catch(() => null);
      if (answer && answer.status < 500) return answer;
      failed += 1;
      await pause(100);
    }
  };

  const person = async (): Promise<void> => {
    while (going) {
      const key = { 'idempotency-key': randomUUID() };
      const asked = await untilAnswered('POST', '/reservations?wait=20', key, { count: 1, duration_minutes: 30 });
      if (asked.status === 409) {
        await pause(100);
        continue;
      }
      const id = asked.body.reservation_id;
      if (asked.status === 200 || asked.status === 201 || asked.status === 202) {
        acknowledged.add(id);
        const found = await untilAnswered('GET', `/reservations/${id}`);
        // A preparation whose process was killed goes on elsewhere, or fails as a whole and says so.
        const fine = asked.status === 202 ? ['preparing', 'active', 'failed'] : ['active'];
        if (found.status !== 200 || !fine.includes(found.body.state)) {
          wrong.push(`${id}: ${asked.status}, then ${found.status} ${found.body.state}`);
        }
        const released = await untilAnswered('DELETE', `/reservations/${id}`);
        if (released.status !== 200) wrong.push(`${id}: release ${released.status}`);
      } else {
        wrong.push(`reserve: ${asked.status} ${JSON.stringify(asked.body)}`);
      }
    }
  };
  const all = Promise.all(Array.from({ length: people }, person));
  return {
    acknowledged,
    wrong,
    get sent() {
      return sent;
    },
    get failed() {
      return failed;
    },
    async stop() {
      going = false;
      await all.finally(() => agent.destroy());
    },
  };
}
