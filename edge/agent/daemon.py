"""The daemon of an edge: it puts the policy into effect and runs the periodic tasks."""

import asyncio

from edge.agent import reports, tasks
from edge.agent.parts import EdgeParts


class Daemon(EdgeParts):
    """One edge at work in its folder; withdrawn says that it took itself out of the kernel."""

    withdrawn = False

    async def work(self) -> None:
        """Put the policy into effect and work until ending is set; the kernel stays as it is."""
        if not self.transactions.undecided:
            with self.faults.scope("kernel"):
                await self.installer.install(self.transactions.policy)
        await self.calls.restore(self.faults)
        self.link_alarm.open()
        try:
            async with asyncio.TaskGroup() as group:
                running = [
                    group.create_task(task.run(self), name=task.name) for task in tasks.TASKS
                ]
                running.append(group.create_task(self.reporter.run(), name="uplink"))
                await self.ending.wait()
                await self._last_gasp()
                for one in running:
                    one.cancel()
        finally:
            tasks.write_decisions(self)
            self.note("daemon", "ended")
            await self.close()

    async def _last_gasp(self) -> None:
        """Tell the controller why this edge ends, if there is still a way to it."""
        if not self.withdrawn:
            await self.reporter.last_gasp(*reports.reason_to_end())

    async def power_fails(self) -> None:
        """Tell the controller that the power fails; the edge works on as long as it can."""
        self.note("daemon", "the power fails")
        await self.reporter.last_gasp(reports.POWER, "the power fails")

    async def stop(self) -> tuple[str, ...]:
        """Take everything out of the kernel, end, and return what was taken.

        Raises EdgeError, OSError; the edge goes on then.
        """
        await self.reporter.last_gasp(
            reports.STOPPED, "the edge is stopped, and its tunnels with it"
        )
        done = await self.installer.withdraw()
        self.withdrawn = True
        self.ending.set()
        return done
