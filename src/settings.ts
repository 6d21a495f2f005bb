import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ISignal, Signal } from '@lumino/signaling';
import type { IPreferences } from './inline/policy';

/** The schema that holds the settings. */
const SETTINGS_ID = 'jupyter_fastgen:plugin';

/** What holds until the settings are loaded, or if they cannot be. */
const DEFAULTS: IPreferences = {
  enabled: true,
  whileTyping: true,
  inProse: false,
  disabledLanguages: [],
  suggestNextCell: true,
  useKernel: true,
  announce: true
};

/** The person's settings. */
export class Settings {
  /** Emitted when a setting has changed, and once they are loaded. */
  get changed(): ISignal<this, IPreferences> {
    return this._changed;
  }

  /** The settings as they are now. */
  get current(): IPreferences {
    return this._current;
  }

  /** Loads the settings and follows them. */
  async load(registry: ISettingRegistry): Promise<void> {
    this._settings = await registry.load(SETTINGS_ID);
    this._settings.changed.connect(this._read, this);
    this._read();
  }

  /** Turns suggestions on or off, for good. */
  async setEnabled(enabled: boolean): Promise<void> {
    await this._settings?.set('enabled', enabled);
  }

  private _read(): void {
    const wanted = this._settings?.composite as Partial<IPreferences>;
    this._current = {
      ...DEFAULTS,
      ...wanted,
      disabledLanguages: (wanted.disabledLanguages ?? []).map(language =>
        language.toLowerCase()
      )
    };
    this._changed.emit(this._current);
  }

  private _settings: ISettingRegistry.ISettings | null = null;
  private _current = DEFAULTS;
  private readonly _changed = new Signal<this, IPreferences>(this);
}
