// Why an answer is none, in words: a failure comes as {"error": {"cause", "action"}}, or as text.

/** Words as a sentence: a capital at its head, one full stop at its end. */
export const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1).replace(/\.$/, "")}.`;

/** The text of an answer that is not what was asked for, as one sentence. */
export async function reason(answer) {
  const text = (await answer.text()).trim();
  let words = text;
  try {
    const { cause, action } = JSON.parse(text).error;
    words = action ? `${cause}: ${action}` : cause;
  } catch {
    // It is text, as a proxy in between may send it.
    words = text.length < 300 ? text : `The answer was ${answer.status}`;
  }
  return sentence(words || `The answer was ${answer.status}`);
}
