// node's fetch against a refusal: prints what each try saw, one JSON line each.
// Reads {url, tries, chunked, type, parts: [{filename, type, path}], raw: path of the whole form}.
import {createReadStream, readFileSync} from 'node:fs';

const work = JSON.parse(readFileSync(0, 'utf8'));

function body() {
  if (work.chunked) {
    return {body: createReadStream(work.raw), duplex: 'half', headers: {'Content-Type': work.type}};
  }
  const form = new FormData();
  for (const part of work.parts) {
    form.append('file', new Blob([readFileSync(part.path)], {type: part.type}), part.filename);
  }
  return {body: form};
}

for (let i = 0; i < work.tries; ++i) {
  let saw;
  try {
    const answer = await fetch(work.url, {method: 'POST', ...body()});
    saw = [answer.status, answer.headers.get('content-type'), (await answer.json()).name];
  } catch (error) {
    saw = [`${error}: ${error.cause?.code ?? error.cause}`];
  }
  console.log(JSON.stringify(saw));
}
