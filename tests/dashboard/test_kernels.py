"""Kernels end with their server, whatever they are doing."""

from __future__ import annotations

import asyncio

from ghostnb.dashboard.app import Kernels, OwnPython


def test_one_that_is_just_starting_is_ended_too(tmp_path):
    async def work():
        kernels = Kernels(connection_dir=str(tmp_path), kernel_spec_manager=OwnPython())
        starting = asyncio.ensure_future(kernels.start_kernel())
        while not list(tmp_path.iterdir()):  # noqa: ASYNC110 (files tell nobody)
            await asyncio.sleep(0.001)
        assert kernels.list_kernel_ids() == []
        await kernels.shutdown_all(now=True)
        await starting
        assert kernels.list_kernel_ids() == []

    asyncio.run(work())
    assert list(tmp_path.iterdir()) == []
