"""Overview of the network in a terminal: incidents, sites that are not well, and each in full."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import DataTable, Footer, Input, Static

from controller.transport.api_client import ApiClient, ApiError
from controller.watch.source import STALE_S, ApiSource, Follower, Overview, Source
from inventory.errors import NoControllerError

ZONE: Final = ZoneInfo("Africa/Douala")
# A mark and a word each, so that nothing is said by colour alone.
MARKS: Final = {"critical": "■", "warning": "▲", "info": "●"}
_COLOURS: Final = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_MUTE_S: Final = 3600


class Watch(App[None]):
    """Follows a controller until a person leaves."""

    TITLE = "sanaga watch"
    CSS = """
    #sentence { padding: 0 1; text-style: bold; height: auto; }
    #state { padding: 0 1; height: 1; color: $text-muted; }
    .stale { background: $warning; color: $text; }
    .heading { padding: 1 1 0 1; text-style: bold; }
    DataTable { height: 1fr; }
    #detail { padding: 1 2; }
    Comment { align: center middle; }
    Comment Input { width: 80%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "Quit")]

    def __init__(self, client: ApiClient | None, source: Source | None = None) -> None:
        super().__init__()
        self.source: Source = source or ApiSource(client or ApiClient(""))
        self._client = client

    def on_mount(self) -> None:
        """Show the overview."""
        self.push_screen(OverviewScreen(self.source, self._client))


class OverviewScreen(Screen[None]):
    """Everything that is wrong, on one screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", priority=True),
        Binding("a", "acknowledge", "Acknowledge"),
        Binding("m", "mute", "Mute 1 h"),
        Binding("c", "comment", "Comment"),
        Binding("tab", "app.focus_next", "Incidents/sites"),
        Binding("r", "refresh", "Read again"),
    ]

    def __init__(self, source: Source, client: ApiClient | None) -> None:
        super().__init__()
        self._source, self._client = source, client
        self._read_s = monotonic()
        self._fault, self._as_of = "", "-"
        self._follower: Follower | None = None

    def compose(self) -> ComposeResult:
        """Lay out the sentence, the two lists and the keys."""
        yield Static("reading …", id="sentence", markup=False)
        yield Static("", id="state", markup=False)
        yield Static("Incidents", classes="heading")
        yield DataTable(id="incidents", cursor_type="row", zebra_stripes=True)
        yield Static("Sites that are not well", classes="heading")
        yield DataTable(id="sites", cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to read and to follow."""
        incidents, sites = self._tables()
        incidents.add_columns("No", "Severity", "What", "Sites", "People", "Calls", "Since", "By")
        sites.add_columns("Site", "Health", "Region", "People", "Facilities")
        incidents.focus()
        self.action_refresh()
        self.set_interval(1, self._show_state)
        if self._client:
            call = self.app.call_from_thread
            self._follower = Follower(
                self._client,
                partial(call, self._read_again),
                lambda fault: call(self._note_fault, fault),
            )
            self._follower.start()

    def on_unmount(self) -> None:
        """Stop following."""
        if self._follower:
            self._follower.stop()

    @work(thread=True, exclusive=True)
    def action_refresh(self) -> None:
        """Read everything again."""
        try:
            overview = self._source.overview()
        except (ApiError, NoControllerError) as error:
            self.app.call_from_thread(self._note_fault, str(error))
            return
        self.app.call_from_thread(self._show, overview)

    def _read_again(self) -> None:
        self.action_refresh()

    def _write_comment(self, text: str | None) -> None:
        if text:
            self._act("comment", text=text)

    def action_open(self) -> None:
        """Open what the cursor is on."""
        kind, name = self._chosen()
        if kind == "incident":
            self.app.push_screen(DetailScreen(partial(_incident_text, self._source, int(name))))
        elif kind == "site":
            self.app.push_screen(DetailScreen(partial(_site_text, self._source, name)))

    def action_acknowledge(self) -> None:
        """Take the incident on."""
        self._act("acknowledge")

    def action_mute(self) -> None:
        """Send no notice of the incident for an hour."""
        self._act("mute", for_s=_MUTE_S)

    def action_comment(self) -> None:
        """Ask for a comment and write it."""
        self.app.push_screen(Comment(), self._write_comment)

    @work(thread=True)
    def _act(self, kind: str, **said: object) -> None:
        chosen, name = self._chosen()
        if chosen == "incident":
            result = self._source.act(int(name), kind, **said)
            self.app.call_from_thread(self.notify, result, markup=False)
            self.app.call_from_thread(self.action_refresh)

    def _chosen(self) -> tuple[str, str]:
        """Return what the cursor is on, in the list that has the focus."""
        incidents, sites = self._tables()
        table, kind = (sites, "site") if sites.has_focus else (incidents, "incident")
        if not table.row_count:
            return "", ""
        key = table.coordinate_to_cell_key(table.cursor_coordinate).row_key
        return kind, str(key.value)

    def _tables(self) -> tuple[DataTable[Any], DataTable[Any]]:
        return self.query_one("#incidents", DataTable), self.query_one("#sites", DataTable)

    def _show(self, overview: Overview) -> None:
        self._read_s, self._fault = monotonic(), ""
        self._as_of = _clock(overview.at)
        self.query_one("#sentence", Static).update(overview.sentence)
        incidents, sites = self._tables()
        _refill(incidents, {str(one["number"]): _incident_row(one) for one in overview.incidents})
        _refill(sites, {one["name"]: _site_row(one) for one in overview.bad_sites})
        self._show_state()

    def _note_fault(self, fault: str) -> None:
        self._fault = fault
        self._show_state()

    def _show_state(self) -> None:
        """Say of when the figures are, and that they are stale when nothing is heard."""
        follower = self._follower
        heard_s = follower.heard_s if follower else self._read_s
        age_s = monotonic() - max(heard_s, self._read_s)
        stale = age_s > STALE_S or bool(self._fault)
        text = f"nothing heard for {age_s:.0f} s" if stale else f"live, {self._as_of} in Cameroon"
        state = self.query_one("#state", Static)
        state.update(f"{text}; {self._fault}" if self._fault else text)
        state.set_class(stale, "stale")


class DetailScreen(Screen[None]):
    """One incident or site in full."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("r", "refresh", "Read again"),
    ]

    def __init__(self, read: Callable[[], str]) -> None:
        super().__init__()
        self._read = read

    def compose(self) -> ComposeResult:
        """Lay out a page that scrolls."""
        with VerticalScroll():
            yield Static("reading …", id="detail", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Read it."""
        self.action_refresh()

    @work(thread=True, exclusive=True)
    def action_refresh(self) -> None:
        """Read it again."""
        try:
            text = self._read()
        except (ApiError, NoControllerError) as error:
            text = str(error)
        self.app.call_from_thread(self.query_one("#detail", Static).update, text)


class Comment(ModalScreen[str]):
    """Asks for one line."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", "Cancel")]

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        with Vertical():
            yield Input(placeholder="What the others should know; Enter writes it, Escape does not")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give the line back."""
        self.dismiss(event.value.strip())


def _refill(table: DataTable[Any], rows: Mapping[str, tuple[Any, ...]]) -> None:
    """Show rows; the cursor stays on what it was on, as long as that is there."""
    before = None
    if table.row_count:
        before = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
    table.clear()
    for key, cells in rows.items():
        table.add_row(*cells, key=key)
    if before in rows:
        table.move_cursor(row=table.get_row_index(str(before)))


def _incident_row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    severity = one["severity"]
    mark = Text(f"{MARKS.get(severity, '')} {severity}", style=_COLOURS.get(severity, ""))
    return (
        one["number"],
        mark,
        Text(one["title"]),
        len(one["sites"]),
        f"{one['people']:,}",
        len(one["consultations"]),
        _clock(one["opened_at"]),
        Text(one["acknowledged_by"] or "-"),
    )


def _site_row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    people = one["people"]
    shown = "-" if people is None else f"{people:,}"
    facilities = len(one["facilities"])
    return Text(one["name"]), one["health"], Text(one["region"] or "-"), shown, facilities


def _incident_text(source: Source, number: int) -> str:
    one = source.incident(number)
    facts = [
        f"{one['title']}\n",
        one["sentence"],
        "",
        f"State         {one['state']}, {one['severity']}",
        f"Cause         {one['cause']}",
        f"Since         {_clock(one['opened_at'])}",
        f"Ended         {_clock(one['ended_at'])}",
        f"Sites         {', '.join(one['sites']) or '-'}",
        f"Cut off       {', '.join(one['cut_off']) or '-'}",
        f"People        {one['people']:,} in reach of {one['facilities']} facilities",
        f"Consultations {', '.join(one['consultations']) or '-'}",
        f"Acknowledged  {one['acknowledged_by'] or '-'}",
        f"Assigned to   {one['assigned_to'] or '-'}",
        "",
        "Evidence",
        *(f"  {line}" for line in one["evidence"]),
        "",
        "Timeline",
        *(
            f"  {_clock(e['at'])}  {e['by'] or 'controller'}: {e['sentence']}"
            for e in one["timeline"]
        ),
    ]
    return "\n".join(facts)


def _site_text(source: Source, name: str) -> str:
    one = source.site(name)
    facts = [
        f"{one['title']} ({one['name']}): {one['health']}\n",
        f"Region     {one['region']}, {one['level']} below {one['parent'] or 'nothing'}",
        f"People     {one['people'] or '-'}",
        f"Facilities {', '.join(one['facilities']) or '-'}",
        f"Incidents  {', '.join(map(str, one['incidents'])) or '-'}",
        "",
        "Devices",
        *(f"  {e['name']}: {e['health']} ({e['role']}, {e['platform']})" for e in one["devices"]),
        "",
        "Circuits",
        *(f"  {e['name']}: {e['health']} ({e['medium']})" for e in one["circuits"]),
    ]
    return "\n".join(facts)


def _clock(at: str | None) -> str:
    """Return a time of day in Cameroon, with the day when it is another."""
    if at is None:
        return "-"
    there = datetime.fromisoformat(at).astimezone(ZONE)
    return there.strftime("%d %b %H:%M:%S")
