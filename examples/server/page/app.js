// The upload page. Names and answers are put in with textContent, never parsed as HTML.
'use strict';
(() => {
  const parallel = 3;  // one short file does not wait behind two long ones; browsers allow 6
  const listed = 1000;  // rows of the list of stored files; more would make a phone slow

  const byId = (id) => document.getElementById(id);
  const pick = byId('pick');
  const queue = [];
  const uploads = [];  // of this batch: it begins when nothing is on its way
  let running = 0;

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const button = (text, label, action) => {
    const element = make('button', '', text);
    element.type = 'button';
    element.setAttribute('aria-label', label);
    element.addEventListener('click', action);
    return element;
  };

  const sizeText = (bytes) => {
    const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
    let value = bytes;
    let unit = 0;
    while (value >= 1024 && unit + 1 < units.length) {
      value /= 1024;
      unit += 1;
    }
    return unit === 0 ? `${value} ${value === 1 ? 'byte' : 'bytes'}` :
                        `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
  };

  const say = (text) => { byId('status').textContent = text; };

  // What the server said, in its own words: RFC 9457 title and detail, and the rule it names.
  const verdictOf = (status, text) => {
    let answer = {};
    try {
      answer = JSON.parse(text) || {};
    } catch {
      // Not from this server: a proxy in between, for example.
    }
    if (status >= 200 && status < 300) return {ok: true, title: 'Stored', detail: ''};
    const title = answer.title || `The server answered ${status}`;
    const about = [];
    if (answer.value) about.push(`yours: ${answer.value}`);
    if (['types', 'extensions'].includes(answer.rule)) about.push(`accepted: ${answer.limit}`);
    if (/^(total|file|field|text|max)_bytes$/.test(answer.rule)) about.push(`at most ${sizeText(Number(answer.limit))}`);
    const detail = [answer.detail, about.join(', ')].filter(Boolean).join(' - ');
    return {ok: false, title, detail};
  };

  // ---- the rules, before anything is sent ------------------------------------------------------

  // What GET /policy says of the field that the page sends. Null: no rules are known, so the server
  // alone decides, as it does in any case.
  const fetchField = async () => {
    try {
      const answer = await fetch('/policy');
      const rules = await answer.json();
      const own = rules.fields.find((field) => field.kind === 'file');
      return own ? {...own, perFile: rules.rejection === 'per_file'} : rules.other_files || null;
    } catch {
      return null;
    }
  };

  const matches = (type, pattern) => pattern === '*/*' || pattern === type ||
      (pattern.endsWith('/*') && type.startsWith(pattern.slice(0, -1)));

  // As the server reads a name: what follows the last dot, trailing dots and spaces taken off.
  const extensionOf = (name) => {
    const base = name.split(/[/\\]/).pop().replace(/[. ]+$/, '');
    return base.includes('.') ? base.split('.').pop().toLowerCase() : '';
  };
  const allExtensionsOf = (name) => name.split(/[/\\]/).pop().split('.').slice(1)
      .map((part) => part.match(/^[\w-]*/)[0].toLowerCase());

  const holds = (list, word) => list.some((one) => one.toLowerCase() === word);

  // The name of the rule that a file breaks, in the order in which the server looks; or nothing.
  const brokenRule = (file, field) => {
    const type = (file.type || 'application/octet-stream').split(';')[0].trim().toLowerCase();
    const denied = (extension) => holds(field.denied_extensions, extension);
    if (field.types.length > 0 && !field.types.some((t) => matches(type, t))) return 'types';
    if (allExtensionsOf(file.name).some(denied)) return 'denied_extensions';
    if (field.extensions.length > 0 && !holds(field.extensions, extensionOf(file.name))) {
      return 'extensions';
    }
    if (file.size === 0 && !field.allow_empty) return 'allow_empty';
    if (file.size < field.min_bytes) return 'min_bytes';
    if (field.max_bytes !== null && file.size > field.max_bytes) return 'max_bytes';
    return undefined;
  };

  // Which of the files chosen together are too many. Each is sent in a request of its own, so the
  // server does not count them.
  const excess = (files, field) => {
    const most = field.max_count;
    if (field.duplicates === 'all' || files.length <= most) return [];
    if (field.duplicates === 'last') return files.slice(0, files.length - most);
    return field.duplicates === 'first' || field.perFile ? files.slice(most) : files;
  };

  // ---- one file on its way -------------------------------------------------------------------

  const addUpload = (file) => {
    const row = make('li');
    const line = make('div', 'line');
    const what = make('div', 'what');
    const verdict = make('span', 'verdict', 'Waiting');
    const note = make('span', 'note', sizeText(file.size));
    what.append(make('span', 'name', file.name), verdict, note);
    const actions = make('div', 'actions');
    const upload = {file, row, verdict, note, actions, loaded: 0, xhr: null, over: false};
    actions.append(button('Cancel', `Cancel ${file.name}`, () => cancel(upload)));
    line.append(what, actions);
    upload.bar = make('progress');
    upload.bar.max = 100;
    upload.bar.value = 0;
    upload.bar.setAttribute('aria-label', file.name);
    row.append(line, upload.bar);
    byId('uploads').prepend(row);
    uploads.push(upload);
    return upload;
  };

  const end = (upload, outcome) => {
    if (upload.over) return;
    upload.over = true;
    if (upload.xhr) running -= 1;
    upload.row.className = outcome.ok ? 'stored' : 'failed';
    upload.verdict.textContent = outcome.title;
    upload.note.textContent = [sizeText(upload.file.size), outcome.detail].filter(Boolean).join(' - ');
    const hadFocus = upload.actions.contains(document.activeElement);
    upload.actions.remove();
    if (hadFocus) byId('send').focus();
    upload.bar.remove();
    const reason = outcome.unsent ? `. ${outcome.detail}` : '';
    say(`${upload.file.name}: ${outcome.title}${reason}`);
    showOverall();
    startNext();
    if (outcome.ok) refresh();
  };

  const cancel = (upload) => {
    if (upload.over) return;
    const waiting = queue.indexOf(upload);
    if (waiting >= 0) queue.splice(waiting, 1);
    if (upload.xhr) {
      upload.xhr.abort();
    } else {
      end(upload, {ok: false, title: 'Cancelled', detail: ''});
    }
  };

  const start = (upload) => {
    const xhr = new XMLHttpRequest();
    upload.xhr = xhr;
    running += 1;
    upload.verdict.textContent = 'Sending';
    xhr.upload.addEventListener('progress', (event) => {
      if (!event.lengthComputable || upload.over) return;
      const part = event.loaded / event.total;
      upload.loaded = part * upload.file.size;
      upload.bar.value = 100 * part;
      upload.verdict.textContent = part < 1 ? `Sending, ${Math.floor(100 * part)} %` : 'Being stored';
      showOverall();
    });
    xhr.addEventListener('load', () => end(upload, verdictOf(xhr.status, xhr.responseText)));
    xhr.addEventListener('abort', () => end(upload, {ok: false, title: 'Cancelled', detail: ''}));
    xhr.addEventListener('error', () => end(upload, {
      ok: false,
      title: 'The connection broke',
      detail: 'is the server running, and is this a file that can be read?',
    }));
    xhr.open('POST', '/upload');
    xhr.setRequestHeader('Accept', 'application/json');
    const form = new FormData();
    form.append(pick.name, upload.file, upload.file.name);
    xhr.send(form);
  };

  const startNext = () => {
    while (running < parallel && queue.length > 0) start(queue.shift());
  };

  const showOverall = () => {
    const total = uploads.reduce((sum, u) => sum + u.file.size, 0);
    const gone = uploads.reduce((sum, u) => sum + (u.over ? u.file.size : u.loaded), 0);
    const over = uploads.filter((u) => u.over).length;
    const failed = uploads.filter((u) => u.row.className === 'failed').length;
    const percent = total > 0 ? Math.floor(100 * gone / total) : Math.floor(100 * over / uploads.length);
    byId('overall-bar').value = percent;
    const count = `${over} of ${uploads.length} ${uploads.length === 1 ? 'file' : 'files'} done`;
    byId('overall-text').textContent =
        over < uploads.length ? `${count}, ${percent} %` :
        failed > 0            ? `${count}, ${failed} not stored` :
                                count;
    byId('cancel-all').hidden = over === uploads.length;
  };

  const send = async (files) => {
    const field = await knownField;
    if (uploads.length > 0 && uploads.every((u) => u.over)) uploads.length = 0;
    const tooMany = new Set(field ? excess(files, field) : []);
    const refused = [];
    for (const file of files) {
      const upload = addUpload(file);
      const rule = tooMany.has(file) ? 'max_count' : field ? brokenRule(file, field) : undefined;
      if (rule) {
        refused.push([upload, field.sentences[rule]]);
      } else {
        queue.push(upload);
      }
    }
    if (uploads.length === 0) return;
    byId('now').hidden = false;
    for (const [upload, sentence] of refused) {
      end(upload, {ok: false, unsent: true, title: 'Not sent', detail: sentence});
    }
    showOverall();
    startNext();
  };

  // ---- the list of stored files ----------------------------------------------------------------

  const remove = async (file, row) => {
    try {
      const answer = await fetch(`/files/${file.key}`, {method: 'DELETE'});
      if (answer.ok || answer.status === 404) {
        say(`${file.filename} deleted`);
      } else {
        say(verdictOf(answer.status, await answer.text()).title);
      }
    } catch {
      say('The connection broke');
    }
    const next = row.nextElementSibling || row.previousElementSibling;
    const focusOn = next && next.dataset.key;
    await refresh();
    const target = [...byId('files').children].find((r) => r.dataset.key === focusOn);
    (target ? target.querySelector('button') : byId('send')).focus();
  };

  const fileRow = (file) => {
    const name = file.filename || file.key;
    const row = make('li');
    row.dataset.key = file.key;
    const line = make('div', 'line');
    const what = make('div', 'what');
    const note = make('span', 'note', `${sizeText(file.size)} - `);
    const time = make('time', '', new Date(file.date).toLocaleString());
    time.dateTime = file.date;
    note.append(time);
    what.append(make('span', 'name', name), note);
    const download = make('a', 'button', 'Download');
    download.href = `/files/${file.key}`;
    download.setAttribute('aria-label', `Download ${name}`);
    // Two steps: what is deleted is gone. Leaving the button takes the first one back.
    const drop = button('Delete', `Delete ${name}`, () => {
      if (drop.className === 'sure') {
        remove(file, row);
        return;
      }
      drop.className = 'sure';
      drop.textContent = 'Sure?';
      drop.setAttribute('aria-label', `Really delete ${name}`);
    });
    drop.addEventListener('blur', () => {
      drop.className = '';
      drop.textContent = 'Delete';
      drop.setAttribute('aria-label', `Delete ${name}`);
    });
    const actions = make('div', 'actions');
    actions.append(download, drop);
    line.append(what, actions);
    row.append(line);
    return row;
  };

  const fetchList = async () => {
    const files = [];
    let cursor = '';
    do {
      const answer = await fetch(`/files?limit=200&cursor=${encodeURIComponent(cursor)}`);
      const text = await answer.text();
      if (!answer.ok) throw new Error(verdictOf(answer.status, text).title);
      const page = JSON.parse(text);
      files.push(...page.files);
      cursor = page.next;
    } while (cursor && files.length < listed);
    files.sort((a, b) => b.date.localeCompare(a.date));
    return {files, more: Boolean(cursor)};
  };

  let refreshing = null;
  let refreshAgain = false;

  // Uploads may end faster than the list arrives: one fetch at a time, and one more at the end.
  const refresh = () => {
    if (refreshing) {
      refreshAgain = true;
      return refreshing;
    }
    refreshing = (async () => {
      do {
        refreshAgain = false;
        try {
          const {files, more} = await fetchList();
          byId('files').replaceChildren(...files.map(fileRow));
          byId('stored-note').textContent = more ? `Only ${files.length} of them are shown.` :
              files.length === 0                 ? 'Nothing yet.' :
                                                   '';
        } catch (error) {
          byId('stored-note').textContent = `The list could not be loaded: ${error.message}`;
        }
        byId('stored-note').hidden = byId('stored-note').textContent === '';
      } while (refreshAgain);
      refreshing = null;
    })();
    return refreshing;
  };

  // ---- the page --------------------------------------------------------------------------------

  const carriesFiles = (event) =>
      event.dataTransfer && [...event.dataTransfer.types].includes('Files');

  const dropped = (transfer) => {
    const folders = new Set();
    for (const item of transfer.items) {
      const entry = item.kind === 'file' && item.webkitGetAsEntry && item.webkitGetAsEntry();
      if (entry && entry.isDirectory) folders.add(entry.name);
    }
    if (folders.size > 0) say('Folders are left out: open them and drop the files in them');
    return [...transfer.files].filter((file) => !folders.has(file.name));
  };

  const main = byId('send');
  document.body.classList.add('enhanced');
  byId('drop-hint').hidden = false;
  byId('stored').hidden = false;
  main.type = 'button';
  main.textContent = pick.multiple ? 'Choose files' : 'Choose a file';
  main.addEventListener('click', () => pick.click());
  byId('form').addEventListener('submit', (event) => event.preventDefault());
  pick.addEventListener('change', () => {
    send([...pick.files]);
    pick.value = '';  // choosing the same file again is a change too
  });
  byId('cancel-all').addEventListener('click', () => {
    for (const upload of [...uploads]) cancel(upload);
    main.focus();
  });

  let depth = 0;  // enter and leave come for every element on the way
  document.addEventListener('dragenter', (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    document.body.classList.add('dragging');
  });
  document.addEventListener('dragleave', () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) document.body.classList.remove('dragging');
  });
  document.addEventListener('dragover', (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener('drop', (event) => {
    depth = 0;
    document.body.classList.remove('dragging');
    if (!carriesFiles(event)) return;
    event.preventDefault();
    send(dropped(event.dataTransfer));
  });
  window.addEventListener('beforeunload', (event) => {
    if (uploads.some((u) => !u.over)) event.preventDefault();
  });

  const knownField = fetchField();
  refresh();
})();
