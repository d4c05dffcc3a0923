"""What the processes of the torture do: each role is a function, and a process of its own runs it."""
