//! The tracker against a naive model, and its bounds.

use proptest::prelude::*;

use super::*;
use crate::event::{Handle, Level};

fn action(id: &str, phase: Phase) -> Action {
    Action { id: id.to_owned(), title: format!("do {id}"), phase, ..blank() }
}

fn fold(tracker: &mut Tracker, action: Action) -> bool {
    tracker.fold(&RunEvent::Action(action))
}

#[test]
fn a_step_keeps_its_place_and_counts_once() {
    let mut tracker = Tracker::new(None);
    assert!(fold(&mut tracker, action("a", Phase::Started)));
    assert!(fold(&mut tracker, action("b", Phase::Started)));
    assert!(fold(&mut tracker, action("a", Phase::Started)), "shown as updated now");
    assert!(!fold(&mut tracker, action("a", Phase::Started)), "nothing new");
    let phases = |tracker: &Tracker| tracker.recent(9).map(|a| (a.id.clone(), a.phase)).collect::<Vec<_>>();
    assert_eq!(phases(&tracker), [("a".into(), Phase::Updated), ("b".into(), Phase::Started)]);

    let done = Action {
        ok: Some(false),
        detail: Detail { exit_code: Some(2), ..Detail::default() },
        ..action("a", Phase::Completed)
    };
    assert!(fold(&mut tracker, done));
    assert!(fold(&mut tracker, action("a", Phase::Started)));
    assert_eq!(phases(&tracker)[0], ("a".into(), Phase::Started));
    let reopened = tracker.recent(2).next().unwrap();
    assert_eq!((reopened.ok, &reopened.detail), (None, &Detail::default()));
    assert_eq!(tracker.steps(), 2);
}

#[test]
fn what_an_event_leaves_out_stays_known() {
    let mut tracker = Tracker::new(None);
    let changes = vec![FileChange { path: "a.rs".into(), verb: "add".into() }];
    let detail = Detail { changes: changes.clone(), ..Detail::default() };
    fold(&mut tracker, Action { detail, ..action("a", Phase::Started) });
    fold(&mut tracker, Action { title: String::new(), ok: Some(true), ..action("a", Phase::Completed) });
    let kept = tracker.recent(1).next().unwrap();
    assert_eq!((kept.title.as_str(), &kept.detail.changes, kept.ok), ("do a", &changes, Some(true)));
}

#[test]
fn turns_telemetry_and_nameless_actions_are_nothing() {
    let mut tracker = Tracker::new(None);
    for kind in [ActionKind::Turn, ActionKind::Telemetry] {
        assert!(!fold(&mut tracker, Action { kind, ..action("a", Phase::Started) }));
    }
    assert!(!fold(&mut tracker, action("", Phase::Started)));
    assert!(!tracker.fold(&RunEvent::Handle(Handle("x".into()))));
    assert_eq!(tracker.snapshot(), Snapshot::default());
}

#[test]
fn the_engines_session_replaces_the_one_asked_for_once() {
    let token = |text| SessionToken::parse(text).unwrap();
    let mut tracker = Tracker::new(Some(token("asked")));
    assert_eq!(tracker.session(), Some(&token("asked")));
    assert!(tracker.fold(&RunEvent::Session(token("told"))));
    assert!(!tracker.fold(&RunEvent::Session(token("other"))));
    assert_eq!(tracker.session(), Some(&token("told")));
}

#[test]
fn memory_is_bounded_whatever_is_told() {
    let huge = "ä".repeat(40_000);
    let mut tracker = Tracker::new(None);
    for step in 0..3000 {
        let id = format!("{step} {huge}");
        let change = FileChange { path: huge.clone(), verb: huge.clone() };
        let detail = Detail { exit_code: None, changes: vec![change; 3], output: Some(huge.clone()) };
        if step < 500 {
            fold(&mut tracker, Action { title: huge.clone(), detail, ..action(&id, Phase::Started) });
            tracker.fold(&RunEvent::Text(huge.clone()));
            tracker.fold(&RunEvent::Note(Note { level: Level::Info, text: huge.clone() }));
        } else {
            fold(&mut tracker, action(&id, Phase::Started));
        }
    }
    let snapshot = tracker.snapshot();
    assert_eq!((snapshot.steps, snapshot.actions.len(), snapshot.left_out), (3000, 400, 2600));
    assert_eq!(tracker.known.len(), 400 + MAX_OPEN_LEFT_OUT);
    assert!(tracker.text.capacity() <= 4 * MAX_TEXT_BYTES);
    assert!(snapshot.text.len() <= MAX_TEXT_BYTES && snapshot.notes.len() == MAX_NOTES);
    let first = &snapshot.actions[0];
    assert!(first.id.len() <= MAX_ACTION_ID_BYTES && first.title.len() <= MAX_TITLE_BYTES);
    assert!(first.detail.output.as_ref().unwrap().len() <= MAX_OUTPUT_BYTES);
    assert!(first.detail.changes[0].path.len() <= MAX_PATH_BYTES);
    assert!(serde_json::to_string(&snapshot).unwrap().len() < 4_000_000);
}

/// The tracker as one would write it without a care for memory or time.
#[derive(Default)]
struct Model {
    all: Vec<(Action, bool)>,
}

impl Model {
    const KEPT: usize = 3;

    fn fold(&mut self, action: &Action) {
        if action.id.is_empty() || matches!(action.kind, ActionKind::Turn | ActionKind::Telemetry) {
            return;
        }
        let left_out = Self::KEPT..self.all.len().saturating_sub(Self::KEPT).max(Self::KEPT);
        let known = self.all.iter().rposition(|(kept, forgotten)| kept.id == action.id && !forgotten);
        let Some(at) = known else {
            self.all.push((action.clone(), false));
            let leaving = self.all.len().checked_sub(Self::KEPT + 1).filter(|at| *at >= Self::KEPT);
            if let Some((kept, forgotten)) = leaving.map(|at| &mut self.all[at]) {
                *forgotten = kept.phase == Phase::Completed;
            }
            return;
        };
        let (kept, forgotten) = &mut self.all[at];
        let phase = match (kept.phase, action.phase) {
            (Phase::Completed, phase) | (_, phase @ (Phase::Updated | Phase::Completed)) => phase,
            (_, Phase::Started) => Phase::Updated,
        };
        *forgotten = left_out.contains(&at) && phase == Phase::Completed;
        *kept = Action { phase, ..action.clone() };
    }

    fn kept(&self) -> Vec<Action> {
        let last = self.all.len().saturating_sub(Self::KEPT).max(Self::KEPT);
        let kept = |(at, (action, _)): (usize, &(Action, bool))| {
            (at < Self::KEPT || at >= last).then(|| action.clone())
        };
        self.all.iter().enumerate().filter_map(kept).collect()
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let phase = prop_oneof![Just(Phase::Started), Just(Phase::Updated), Just(Phase::Completed)];
    let kind = prop_oneof![4 => Just(ActionKind::Command), 1 => Just(ActionKind::Turn)];
    let one = ("[a-n]?", phase, kind, "[xy]", proptest::option::of(any::<bool>())).prop_map(
        |(id, phase, kind, title, ok)| Action { id, kind, phase, title, ok, detail: Detail::default() },
    );
    prop::collection::vec(one, 0..60)
}

proptest! {
    #[test]
    fn folding_agrees_with_the_naive_model(actions in actions(), count in 0..8_usize) {
        let mut tracker = Tracker::keeping(Model::KEPT, None);
        let mut model = Model::default();
        for action in &actions {
            let before = tracker.snapshot();
            model.fold(action);
            let changed = fold(&mut tracker, action.clone());
            let after = tracker.snapshot();
            prop_assert_eq!(changed, before != after);
            prop_assert_eq!(after.steps, model.all.len() as u64);
            prop_assert_eq!(&after.actions, &model.kept());
            prop_assert_eq!(after.left_out, after.steps - after.actions.len() as u64);
        }
        let recent: Vec<Action> = tracker.recent(count).cloned().collect();
        let kept = model.kept();
        prop_assert_eq!(&recent, &kept[kept.len().saturating_sub(count)..]);
    }

    #[test]
    fn the_text_kept_is_the_end_of_what_was_written(pieces in prop::collection::vec(("[aä€😀]{0,9}", 0..9000_usize), 0..12)) {
        let mut tracker = Tracker::new(None);
        let pieces: Vec<String> = pieces.iter().map(|(piece, times)| piece.repeat(*times)).collect();
        for piece in &pieces {
            tracker.fold(&RunEvent::Text(piece.clone()));
        }
        let (whole, kept) = (pieces.concat(), tracker.snapshot().text);
        prop_assert!(whole.ends_with(&kept) && kept.len() <= MAX_TEXT_BYTES);
        prop_assert!(kept.len() == whole.len() || kept.len() + 3 >= MAX_TEXT_BYTES);
    }

    #[test]
    fn cuts_never_break_a_character(text in "[aä€😀]{0,40}", max in 8..60_usize) {
        prop_assert!(clip(&text, max).len() <= max && clip_middle(&text, max).len() <= max);
        prop_assert!(text.starts_with(head(&text, max)) && text.ends_with(tail(&text, max)));
        prop_assert!(text.len() > max || (clip(&text, max) == text && clip_middle(&text, max) == text));
    }
}
