import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { StatusModel } from './model';
import { label, title } from './text';

/** The item of the status bar or of a notebook's toolbar: a real button. */
export class StatusItem extends ReactWidget {
  /**
   * @param model - what to show
   * @param open - opens the panel
   * @param trans - translates
   */
  constructor(
    private readonly model: StatusModel,
    private readonly open: () => void,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-fastgen-StatusItem');
  }

  /** Renders the state as it is. */
  protected render(): React.ReactElement {
    return (
      <UseSignal signal={this.model.changed}>{() => this._button()}</UseSignal>
    );
  }

  private _button(): React.ReactElement {
    const snapshot = this.model.snapshot();
    return (
      <button
        className="jp-fastgen-StatusItem-button"
        data-state={snapshot.state}
        title={title(snapshot, this.trans)}
        onClick={this.open}
      >
        <span className="jp-fastgen-StatusItem-dot" aria-hidden="true" />
        {this.trans.__('Fastgen: %1', label(snapshot, this.trans))}
      </button>
    );
  }
}
