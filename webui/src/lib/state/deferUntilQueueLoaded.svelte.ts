// What is loaded beside the message waits until the first rows are there, or it is known why there are none: nothing holds them up.

class Beside {
  due = $state(false)
}

export const beside = new Beside()
