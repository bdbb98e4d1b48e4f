"""The daemon of an edge: it puts the policy into effect and runs the periodic tasks."""

import asyncio

from edge.agent import tasks
from edge.agent.parts import EdgeParts


class Daemon(EdgeParts):
    """One edge at work in its folder."""

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
                await self.ending.wait()
                for one in running:
                    one.cancel()
        finally:
            tasks.write_decisions(self)
            self.note("daemon", "ended")
            await self.close()

    async def stop(self) -> tuple[str, ...]:
        """Take everything out of the kernel, end, and return what was taken.

        Raises EdgeError, OSError; the edge goes on then.
        """
        done = await self.installer.withdraw()
        self.ending.set()
        return done
