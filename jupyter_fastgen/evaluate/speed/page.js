/**
 * Runs in the page before its own scripts. Notes for each key when its text and
 * when ghost text was painted, and what our websocket carried.
 *
 * "Painted" is the first task after the animation frame in which the change was
 * found: by then the page has laid it out and drawn it.
 */
'use strict';

window.fastgenBench = (() => {
  const GHOST =
    '.jp-GhostText:not(.jp-GhostText-lineSpacer):not(.jp-GhostText-letterSpacer)';

  /** @type {{insert: string, at: number, before: string, agrees: boolean}[]} */
  const keys = [];
  /** @type {{at: number, type: string, id: number, bytes: number, counts: object}[]} */
  const sent = [];
  const received = [];
  let looking = false;

  const editor = () =>
    window.jupyterapp.shell.currentWidget.content.activeCell.editor;
  const source = () => editor().model.sharedModel.getSource();

  /** The ghost text that can be seen, '' for none. */
  const ghost = () =>
    [...document.querySelectorAll(GHOST)]
      .filter(node => node.getBoundingClientRect().width > 0)
      .map(node => node.textContent)
      .join('');

  /** Calls back when the frame that is being prepared has been drawn. */
  const afterFrame = callback => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = callback;
    port2.postMessage(null);
  };

  /** Once per frame in which something changed. */
  const look = () => {
    const key = keys[keys.length - 1];
    if (looking || !key || (key.typed !== null && key.ghost !== null)) {
      return;
    }
    looking = true;
    requestAnimationFrame(() => {
      looking = false;
      const isTyped = source() !== key.before;
      const hasGhost = isTyped && ghost().trim() !== '';
      if (isTyped || hasGhost) {
        afterFrame(() => {
          const passed = performance.now() - key.at;
          key.typed ??= passed;
          if (hasGhost) {
            key.ghost ??= passed;
          }
        });
      }
    });
  };

  const observer = new MutationObserver(look);

  document.addEventListener(
    'keydown',
    event => {
      const last = keys[keys.length - 1];
      const shown = ghost();
      if (last) {
        last.stood = shown.trim() !== '';
      }
      const insert = event.key === 'Enter' ? '\n' : event.key;
      keys.push({
        insert,
        at: event.timeStamp,
        before: source(),
        agrees: shown.startsWith(insert) && shown.length > insert.length,
        typed: null,
        ghost: null,
        stood: false
      });
    },
    true
  );

  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (this.url.includes('/jupyter-fastgen/ws')) {
      if (!this.fastgenBench) {
        this.fastgenBench = true;
        this.addEventListener('message', event => {
          const { type, id, reason, counts } = JSON.parse(event.data);
          received.push({ at: performance.now(), type, id, reason, counts });
        });
      }
      const { type, id } = JSON.parse(data);
      const bytes = new TextEncoder().encode(data).length;
      sent.push({ at: performance.now(), type, id, bytes });
    }
    return send.call(this, data);
  };

  return {
    /** Starts to watch the page; forgets what was noted so far. */
    start() {
      keys.length = sent.length = received.length = 0;
      observer.observe(document.body, {
        subtree: true,
        childList: true,
        characterData: true
      });
    },

    /** Ends the watch: gives what was noted, and how many requests are unanswered. */
    stop() {
      observer.disconnect();
      const last = keys[keys.length - 1];
      if (last) {
        last.stood = ghost().trim() !== '';
      }
      return { keys, sent, running: this.running(), source: source() };
    },

    /** Requests that are unanswered. */
    running() {
      const ended = new Set(
        received.filter(({ type }) => type === 'done').map(({ id }) => id)
      );
      return sent.filter(({ type, id }) => type === 'complete' && !ended.has(id))
        .length;
    },

    /** Puts the cursor at the end of the cell with this index. */
    async enter(index) {
      const { content } = window.jupyterapp.shell.currentWidget;
      content.activeCellIndex = index;
      content.mode = 'edit';
      await content.scrollToItem(index);
      await content.activeCell.ready;
      const { editor } = content.activeCell;
      editor.focus();
      editor.setCursorPosition(editor.getPositionAt(source().length));
    },

    /** How far the cursor's line is indented. */
    indentation() {
      const { line } = editor().getCursorPosition();
      return editor().getLine(line).search(/\S|$/);
    }
  };
})();
