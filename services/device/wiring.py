"""Builds the use cases of this service from its ports. Used by app.py and by tests; does no I/O."""

from dataclasses import dataclass
from datetime import timedelta

from libs.servicekit.base.clock import Clock
from services.device.adapters.poll_times import PollTimes
from services.device.adapters.waiting_polls import WaitingPolls
from services.device.domain.limits import AttemptQuota, RequestQuota
from services.device.ports import Begin, View
from services.device.usecases.create_device_code import CreateDeviceCode
from services.device.usecases.decide_device_code import DecideDeviceCode
from services.device.usecases.find_user_code import FindUserCode
from services.device.usecases.look_up_user_code import LookUpUserCode
from services.device.usecases.poll_device_code import PollDeviceCode
from services.device.usecases.record_polls import RecordPolls
from services.device.usecases.redeem_device_code import RedeemDeviceCode
from services.device.usecases.sweep_device_codes import SweepDeviceCodes


@dataclass(frozen=True, kw_only=True)
class UseCases:
    create_device_code: CreateDeviceCode
    poll_device_code: PollDeviceCode
    redeem_device_code: RedeemDeviceCode
    find_user_code: FindUserCode
    decide_device_code: DecideDeviceCode
    record_polls: RecordPolls
    sweep_device_codes: SweepDeviceCodes


def compose(
    *,
    begin: Begin,
    view: View,
    clock: Clock,
    poll_times: PollTimes,
    waiting_polls: WaitingPolls,
    requests: RequestQuota,
    attempts: AttemptQuota,
    lifetime: timedelta,
    interval: timedelta,
) -> UseCases:
    """Return the use cases. `lifetime` and `interval` apply to new device codes."""
    look_up = LookUpUserCode(attempts)
    return UseCases(
        create_device_code=CreateDeviceCode(
            begin=begin, clock=clock, quota=requests, lifetime=lifetime, interval=interval
        ),
        poll_device_code=PollDeviceCode(
            view=view, begin=begin, clock=clock, poll_times=poll_times, waiting_polls=waiting_polls
        ),
        redeem_device_code=RedeemDeviceCode(begin=begin, clock=clock),
        find_user_code=FindUserCode(begin=begin, clock=clock, look_up=look_up),
        decide_device_code=DecideDeviceCode(begin=begin, clock=clock, look_up=look_up, waiting_polls=waiting_polls),
        record_polls=RecordPolls(begin=begin, poll_times=poll_times),
        sweep_device_codes=SweepDeviceCodes(begin=begin, clock=clock),
    )
