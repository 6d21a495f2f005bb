import {
  DOMWidgetModel,
  DOMWidgetView,
  ExportMap
} from '@jupyter-widgets/base';
import type { Kernel } from '@jupyterlab/services';
import {
  Answer,
  Answers,
  DEFAULTS,
  ITraits,
  MODULE,
  MODULE_VERSION
} from './answer';
import type { AnswerView } from './view';

/** After these a kernel knows nothing of its widgets. */
const GONE: readonly Kernel.Status[] = [
  'restarting',
  'autorestarting',
  'terminating',
  'dead'
];

/** What is used of a widget manager besides its interface. */
interface ILabManager {
  readonly kernel?: Kernel.IKernelConnection | null;
  /** Whether the widgets that a kernel had before have been made. */
  readonly restoredStatus?: boolean;
}

/**
 * The classes that the widget manager makes for an answer of the kernel. They
 * stand apart, as their base is there only where ipywidgets is.
 *
 * @param answers - gets the answers
 * @param show - makes a view of one
 */
export function widgetClasses(
  answers: Answers,
  show: (answer: Answer) => AnswerView
): ExportMap {
  class FastgenAnswerModel extends DOMWidgetModel {
    override defaults() {
      return {
        ...super.defaults(),
        ...DEFAULTS,
        text: '',
        _model_name: 'FastgenAnswerModel',
        _model_module: MODULE,
        _model_module_version: MODULE_VERSION,
        _view_name: 'FastgenAnswerView',
        _view_module: MODULE,
        _view_module_version: MODULE_VERSION
      };
    }

    override initialize(
      ...[attributes, options]: Parameters<DOMWidgetModel['initialize']>
    ): void {
      super.initialize(attributes, options);
      const { kernel, restoredStatus: isFresh } = this
        .widget_manager as ILabManager;
      const answer = new Answer(
        traitsIn(this.attributes),
        this.get('text'),
        order => this.send(order),
        isFresh
      );
      this.on('change', () => {
        const changes = this.changedAttributes() || {};
        if ('text' in changes) {
          answer.replace(this.get('text'));
        }
        answer.update(traitsIn(changes));
      });
      this.on('msg:custom', message => answer.receive(message));
      this.on('destroy', () => answer.disconnect());
      kernel?.disposed.connect(() => answer.disconnect());
      kernel?.statusChanged.connect((_, status) => {
        if (GONE.includes(status)) {
          answer.disconnect();
        }
      });
      if (answer.isRunning && !isFresh) {
        // What was written while this was made is in no message.
        this.comm?.send({ method: 'request_state' });
      }
      this.answer = answer;
      answers.add(this.model_id, answer);
    }

    declare answer: Answer;
  }

  /** For who displays the widget by itself. */
  class FastgenAnswerView extends DOMWidgetView {
    override render(): void {
      super.render();
      const view = show((this.model as FastgenAnswerModel).answer);
      this.el.append(view.node);
      void this.displayed.then(() => view.refresh());
      this.once('remove', () => view.dispose());
    }
  }

  return { FastgenAnswerModel, FastgenAnswerView };
}

function traitsIn(attributes: object): Partial<ITraits> {
  return Object.fromEntries(
    Object.entries(attributes).filter(([name]) => name in DEFAULTS)
  );
}
