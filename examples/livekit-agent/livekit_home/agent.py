"""The agent: its instructions and its tools. Each tool returns what the agent then says."""

from livekit.agents import Agent, function_tool

HELP = (
    "I can turn the lights of each room on and off. I can set a timer, and cancel it. "
    "And I can play jazz, rock, classical or piano music in any room."
)


class Home(Agent):
    """Controls one home.

    Args:
        greeting: What the agent says when a call begins.
    """

    def __init__(self, greeting: str | None = None) -> None:
        super().__init__(instructions="You control a home. Answer in one short sentence.")
        self._greeting = greeting
        self._minutes: int | None = None

    async def on_enter(self) -> None:
        if self._greeting:
            self.session.say(self._greeting)

    @function_tool
    async def set_light(self, room: str, on: bool) -> str:
        """Turn the light of a room on or off."""
        return f"The {room} light is {'on' if on else 'off'}."

    @function_tool
    async def set_timer(self, minutes: int) -> str:
        """Start a timer."""
        self._minutes = minutes
        return f"Your timer rings in {minutes} minutes."

    @function_tool
    async def cancel_timer(self) -> str:
        """Cancel the timer."""
        if self._minutes is None:
            return "There is no timer."
        cancelled, self._minutes = self._minutes, None
        return f"The timer of {cancelled} minutes is cancelled."

    @function_tool
    async def play_music(self, room: str, genre: str) -> str:
        """Play music in a room."""
        return f"Here is some {genre} in the {room}."

    @function_tool
    async def stop_music(self) -> str:
        """Stop the music in all rooms."""
        return "The music is off."

    @function_tool
    async def help(self) -> str:
        """Explain what the agent can do."""
        return HELP
