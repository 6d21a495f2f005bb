import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IRecord } from '../client/log';
import type { EngineAction } from '../client/rest';
import type { IFastgenClient } from '../tokens';
import type { ISnapshot } from './model';
import { placeText } from '../diff/texts';
import { result } from './requests';
import { allowanceText, featureText, sentence, warning } from './text';

/** What the panel works with. */
export interface IPanelOptions {
  readonly client: IFastgenClient;
  /** Asks something of the engine, and shows the person an error. */
  readonly act: (action: EngineAction) => Promise<void>;
  /** Turns suggestions on or off. */
  readonly setEnabled: (enabled: boolean) => Promise<void>;
  readonly trans: TranslationBundle;
}

/** Opens the panel; resolves when it is closed. */
export async function showPanel(options: IPanelOptions): Promise<void> {
  const { trans } = options;
  const dialog = new PanelDialog({
    title: trans.__('Fastgen: code suggestions'),
    body: new Panel(options),
    buttons: [Dialog.cancelButton({ label: trans.__('Close') })],
    hasClose: true
  });
  dialog.addClass('jp-fastgen-PanelDialog');
  await dialog.launch();
}

/**
 * A dialog whose body has buttons of its own: Enter must press them, and Tab
 * must reach them. They are not yet there when a dialog looks for its first.
 */
class PanelDialog extends Dialog<unknown> {
  protected override _evtKeydown(event: KeyboardEvent): void {
    const body = this.node.querySelector('.jp-fastgen-Panel');
    const isBody = !!body?.contains(event.target as Node);
    if (event.key === 'Tab' && !event.shiftKey && !isBody) {
      event.preventDefault();
      body?.querySelector('button')?.focus();
    } else if (event.key !== 'Enter' || !isBody) {
      super._evtKeydown(event);
    }
  }
}

/** The state in full, its buttons, and what became of the last requests. */
class Panel extends ReactWidget {
  constructor(private readonly options: IPanelOptions) {
    super();
    this.addClass('jp-fastgen-Panel');
  }

  protected render(): React.ReactElement {
    const { status } = this.options.client;
    return (
      <UseSignal signal={status.changed}>
        {() => this._content(status.snapshot())}
      </UseSignal>
    );
  }

  private _content(snapshot: ISnapshot): React.ReactElement {
    const { trans } = this.options;
    const facts: [string, string][] = [
      [trans.__('Model'), snapshot.model],
      [trans.__('Engine'), snapshot.engine],
      [trans.__('Runs on the server'), snapshot.where],
      [trans.__('What is too much for it goes to'), snapshot.remote],
      [
        trans.__('What you asked for'),
        snapshot.place > 0 ? placeText(snapshot.place, trans) : ''
      ],
      [trans.__('Used today'), allowanceText(snapshot.allowance, trans)],
      [
        trans.__('Last time to first text'),
        snapshot.firstMs === null ? '' : `${Math.round(snapshot.firstMs)} ms`
      ]
    ];
    return (
      <>
        <p className="jp-fastgen-Panel-state" data-state={snapshot.state}>
          <strong>{sentence(snapshot, trans)}</strong>
        </p>
        {snapshot.progress !== null && (
          <progress
            value={snapshot.progress}
            aria-label={sentence(snapshot, trans)}
          />
        )}
        {warning(snapshot, trans) && <p>{warning(snapshot, trans)}</p>}
        {snapshot.detail && <p>{snapshot.detail}</p>}
        {snapshot.remedy && <p>{snapshot.remedy}</p>}
        <dl>
          {facts
            .filter(([, value]) => value !== '')
            .map(([name, value]) => (
              <React.Fragment key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </React.Fragment>
            ))}
        </dl>
        {snapshot.rules.length > 0 && this._rules(snapshot.rules)}
        {this._buttons(snapshot)}
        <h3>{trans.__('Why was nothing shown? The last requests')}</h3>
        {snapshot.records.length === 0 ? (
          <p>{trans.__('None yet.')}</p>
        ) : (
          this._table(snapshot.records)
        )}
      </>
    );
  }

  /** What goes before the person's settings, and who says so. */
  private _rules(rules: ISnapshot['rules']): React.ReactElement {
    const { trans } = this.options;
    const id = 'jp-fastgen-Panel-rules';
    return (
      <section className="jp-fastgen-Panel-rules" aria-labelledby={id}>
        <h3 id={id}>{trans.__('Not for you to decide here')}</h3>
        <ul>
          {rules.map(({ feature, on, why }) => (
            <li key={feature} data-on={on}>
              <span>
                {on
                  ? trans.__('%1: on', featureText(feature, trans))
                  : trans.__('%1: off', featureText(feature, trans))}
              </span>
              {' – '}
              {why}
            </li>
          ))}
        </ul>
      </section>
    );
  }

  /** What can be done to the engine now, if anything. */
  private _remedy({ state }: ISnapshot): [string, () => unknown] | null {
    const { client, act, trans } = this.options;
    if (client.socket.state !== 'open') {
      return [trans.__('Connect now'), () => client.socket.connect()];
    }
    if (state === 'missing') {
      return [trans.__('Download the model'), () => act('download')];
    }
    return state === 'off'
      ? null
      : [trans.__('Restart the engine'), () => act('restart')];
  }

  private _buttons(snapshot: ISnapshot): React.ReactElement {
    const { act, client, trans, setEnabled } = this.options;
    const isOff = !client.settings.current.enabled;
    const toggle = isOff ? trans.__('Turn on') : trans.__('Turn off');
    const isRuled = snapshot.rules.some(
      ({ feature }) => feature === 'suggestions'
    );
    // A button whose words change stays the same one, for it has the focus.
    const button = (key: string, name: string, press: () => unknown) => (
      <button
        key={key}
        type="button"
        className="jp-mod-styled jp-mod-accept"
        onClick={() => void press()}
      >
        {name}
      </button>
    );
    const remedy = this._remedy(snapshot);
    return (
      <div className="jp-fastgen-Panel-buttons">
        {remedy && button('remedy', ...remedy)}
        {!isRuled && button('toggle', toggle, () => setEnabled(isOff))}
        {client.socket.state === 'open' &&
          button('forget', trans.__('Forget what I accept'), () =>
            act('forget')
          )}
      </div>
    );
  }

  private _table(records: readonly IRecord[]): React.ReactElement {
    const { trans } = this.options;
    const columns = [
      trans.__('Time'),
      trans.__('Asked by'),
      trans.__('Result'),
      trans.__('First text'),
      trans.__('Tokens read / known / written'),
      trans.__('Why')
    ];
    return (
      <div className="jp-fastgen-Panel-scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {columns.map(column => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {records.map((record, index) => (
              <tr key={index}>{this._cells(record)}</tr>
            ))}
          </tbody>
        </table>
      </div>
    );
  }

  private _cells(record: IRecord): React.ReactElement[] {
    const { trans } = this.options;
    const { counts, firstMs, times } = record;
    const repeated = times > 1 ? ` × ${times}` : '';
    const texts = [
      new Date(record.time).toLocaleTimeString(),
      record.trigger === 'auto' ? trans.__('typing') : trans.__('command'),
      result(record, trans) + repeated,
      firstMs === null ? '–' : `${Math.round(firstMs)} ms`,
      counts
        ? [
            counts.prompt_tokens - counts.cached_tokens,
            counts.cached_tokens,
            counts.new_tokens
          ].join(' / ')
        : '–',
      record.why
    ];
    return texts.map((text, index) => <td key={index}>{text}</td>);
  }
}
